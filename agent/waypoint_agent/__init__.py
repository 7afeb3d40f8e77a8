"""The agent: the only thing on a host that starts and stops browsers. It never sits in the data path.

Deciding, without I/O:
    reconcile   what to do now, from what is wanted and what is there
    actions     what can be decided, each with its named reason
    pool        what is there: takes in what happened to the slots and who holds them
    slots       the records of that: slot, life, and its end
    units       what systemd says of a unit, and why a life ended

Talking to systemd:
    manager     the interface: list, start, stop, and a stream of changes
    systemd     the same on systemd
    bus         calls to systemd over D-Bus
    broker/     a process of its own that may start and stop browsers' units, and is asked to
    fake        the same in memory, for tests
    launch      what a slot's unit is told before it starts, and which life was given out

What is kept on the disk:
    generations how often each slot has lived
    atomic      files that are there whole or not at all

Talking to everyone else:
    holds       the local socket on which the gateway holds and releases instances
    health      does a browser answer
    pace        when one that starts is asked
    desired     what operators, the control plane and claimers wrote for this host
    publish     this host's keys under its lease, written on change
    keyset      which keys these are
    summary     how loaded the host is
    pressure    what the host's tasks wait for, as the kernel tells
    endpoint    the status endpoint: metrics, and the journal for the control plane
    journal     the host's journal, read by a child
    entries     what that child prints, as reports; without I/O

Measuring:
    metrics     what is counted and timed
    gauges      what is read at each scrape
    cgroups     what a slot's browser uses

Together:
    executor    carries the decisions out
    daemon      puts everything together and runs it
"""
