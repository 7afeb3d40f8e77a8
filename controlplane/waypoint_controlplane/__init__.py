"""The deciders: leadership, bindings, remediation, drain, gRPC, administration.

Nothing here yet: a single host needs no decider beside its agent.
"""
