"""The two gRPC interfaces, and how both ends bind to them.

instance_manager.proto   the instance manager, wire-compatible with earlier ones
waypoint.proto           waypoint.v1, our own
*_pb2                    their messages; regenerate with `make proto`
binding                  handlers and stubs from the services' descriptors
"""
