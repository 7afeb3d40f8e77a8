from system.fixtures import booted, fleet, site

__all__ = ["fleet", "host", "site"]

host = booted("fault-tests")
