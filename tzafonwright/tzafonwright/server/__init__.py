"""The server: one a host, for every browser of it. Needs Python 3.11 and `tzafonwright[server]`.

    daemon      the composition root: flags, listening socket, signals
    systemd     sockets that it hands over, and what it is told
    server      takes WebSockets from the host's proxy, which names each one's browser
    session     one client and its browser, from the first frame to the close code
    first       a client of the first version: one command, one answer
    second      a client of the second version: order, cancelling, progress
    line        who waits for whom
    answers     how much of what it asked for the client has not read
    backlog     what happened that the client has not read

    driver      Playwright's driver: one process, watched, started again
    backend     what actions are done on, as an interface
    contexts    which of a session's backends is current
    browser     the backend that is a browser: tabs, dialogs, downloads, news
    desktop     the backend that is the desktop around it
    devtools    the browser's DevTools, past the driver
    scripts     how scripts are run in pages, and what comes back
    handlers/   how each action is done
    call        one action under way, as handlers see it
    targets     from selectors, references and frames to elements
    fetching    a URL as a download
    failures    Playwright's errors as refusals
    listeners   listeners of the browser's events, made harmless
    refused     why an action, or a session, ends
    texts       what pages say, as JSON can have it

    metrics     what is counted and timed
    measured    a backend whose actions are
    status      where Prometheus reads it

It imports nothing of WayPoint. Whoever reaches its socket drives any browser of the host: only the proxy may.
"""
