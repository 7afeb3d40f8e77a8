"""The status endpoint that every daemon has: metrics for everybody, reports for the fleet's own programs.

    reports     what agents and proxies tell the control plane on request
    endpoint    keeps it going for as long as its daemon runs
    server      the endpoint: HTTP, over TLS where the fleet has certificates
    connection  one client of the endpoint: its deadlines, and streams that end when it leaves
    exchange    one request and its answer as bytes; without I/O
    routes      who may ask for what, and who answers
    client      asking another daemon's endpoint
    link        one question to another's endpoint, its answer as it comes in

`/metrics` and `/healthz` answer whoever asks. Every other path tells about sessions or logs: it answers loopback, or
who presents a certificate of the fleet's CA.
"""
