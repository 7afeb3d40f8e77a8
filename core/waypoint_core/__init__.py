"""What every WayPoint component shares; it knows no component.

Vocabulary and shared state:
    model       the records that components exchange through the registry
    keys        where each record lives
    codec       records to JSON and back; a broken value is named, never guessed
    hold        what a host's agent and gateway say to each other on one local socket
    lines       JSON objects, one a line, out of a stream
    dial        connecting to another daemon's local socket

The registry:
    registry    the interface: ordered keys, leases, transactions, watches
    memory      the same in one process, for unit tests
    etcd        the same on a real etcd cluster

Running a daemon:
    settings    every setting, declared once
    config      the same table as file, environment, flags and help
    service     what systemd expects of a daemon: sockets, readiness, watchdog
    announce    a daemon's own key, under a lease
    log         one line an event
    flags       which Chromium flags may be set for browsers
    metrics     the registry of a daemon's metrics, and how they are named
    status      the endpoint that every daemon has, and how to ask another's
    tls         certificates for what is served and asked
    validity    from when until when a certificate is valid
    address     host:port, taken apart, and as others see it
    errors      the one exception tree
"""
