"""The gRPC services, on every member of the control plane.

server          listening, TLS, health, reflection
guard           stands before every method: turns errors into status codes, measures
errors          what a service raises

The instance manager:
manager         its four services
registration    what a description may ask for, as intents. Pure
rules           the same for single fields. Pure
change          what these intents change, as a draft of one transaction
draft           conditions and writes in the making
family          who may become whose parent
claim           claiming a browser for a parent
write           writes drafts, and decides anew when the tables were behind
settle          waits until a proxy serves what was claimed for it
living          which instances there are
describe        an instance as a message
updates         what a subscriber is told. No I/O
subscription    keeps it until the subscriber takes it
posted          metrics that instances posted

waypoint.v1:
present         rows of the fleet as messages of waypoint.v1. Pure
hosts           waypoint.v1.Hosts
instances       waypoint.v1.Instances
sessions        waypoint.v1.Sessions
administration  waypoint.v1.Fleet
"""
