"""The registry on a real etcd cluster. Its settings are `waypoint_core.settings.EtcdSettings`, declared there alone."""

from waypoint_core.settings import EtcdSettings

__all__ = ["EtcdSettings"]
