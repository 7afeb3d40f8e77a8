"""The gRPC services, on every member of the control plane.

server        listening, TLS, health, reflection; turns errors into status codes
registration  what a description may ask for: the rules of the instance manager. Pure
manager       the instance manager's four services
posted        metrics that instances posted
present       rows of the fleet as messages of waypoint.v1. Pure
hosts         waypoint.v1.Hosts
instances     waypoint.v1.Instances
sessions      waypoint.v1.Sessions
administration  waypoint.v1.Fleet
"""
