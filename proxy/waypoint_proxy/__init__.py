"""The proxy: gives each client a browser of its own, then moves bytes.

Deciding, without I/O:
    route       what the registry shows, folded into the browsers that could be had
    rewrite     heads, URLs and /json bodies on their way between client and browser
    handshake   a client's request head: a request, or a refusal
    intents     what a request asks for, by the edge that it came to
    frames      the WebSocket frames that are ours
    manners     which of them a client can bear
    liveness    whether a client still lives

Browsers ahead of demand:
    claim       one browser for this proxy alone
    holds       the line to the host's agent
    reserve     stock and queue
    keep        the loops that fill the one from the registry

Clients:
    sessions    who uses which browser, and how it ended
    queue       who waits for a browser, and what they are told when there is none
    assigned    browsers that the control plane claimed for this proxy
    endings     how sessions end
    traffic     how many bytes they moved
    presence    noticing a client that leaves while it waits
    link        a WebSocket to something of this host
    browser     requests to a browser: the way of CDP clients
    driver      tzafonwright's server: the way of its clients
    describe    what browsers say about themselves
    pump        bytes both ways, on a thread of its own; compiled, with place and linux
    relay       what a pair on the pump means: alive, given up, ended by whom
    documents   what a plain GET is answered
    tunnel      a client's WebSocket to its browser, to the last word

    cdp           what the CDP edge serves
    tzafonwright  what the tzafonwright edge serves
    edge          one client connection, from first byte to last

    listeners   its sockets, and what others are told of them
    metrics     what is counted and timed
    daemon      puts them together
"""
