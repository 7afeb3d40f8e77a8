"""The control plane: the deciders. One leads, any number stand by and serve. It never touches a browser: it writes
desired state, and agents carry it out.

    fleet       what the registry shows, folded from its watch: the tables that everything below reads
    follow      keeps them current, and tells of each change

Deciding, without I/O:
    decide/     what a leader should do now, from the fleet and the clock; each decision with its reason

Leading:
    leader      the election, and writes that compare the leadership key
    observe     how long things have been as they are, on this leader's clock, and direct probes of suspect hosts
    act         carries decisions out, each exactly once
    duty        the leader's loop: wait one TTL, re-list, then decide and act
    measure     what leading and the tables look like as metrics

Serving, on every member:
    events      what happened, told from the fleet's changes
    peers       asking agents and proxies at their status endpoints
    serve/      the gRPC services and their server
    discovery   where Prometheus finds every endpoint

    api/        the interfaces: protocol definitions and generated code
    cli/        waypointctl, one file a noun
    daemon      puts everything together
"""
