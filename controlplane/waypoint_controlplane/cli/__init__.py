"""waypointctl: the fleet in an administrator's hands. One file a noun or verb; everything goes through gRPC."""
