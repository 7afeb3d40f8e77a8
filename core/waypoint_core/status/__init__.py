"""The status endpoint that every daemon has: metrics for everybody, reports for the fleet's own programs.

    reports   what agents and proxies tell the control plane on request
    server    the endpoint: HTTP, over TLS where the fleet has certificates
    client    asking another daemon's endpoint

`/metrics` and `/healthz` answer whoever asks. Every other path tells about sessions or logs: it answers loopback, or
who presents a certificate of the fleet's CA.
"""
