"""The one exception tree.

WaypointError
├── ConfigError            a setting is missing or wrong
├── CodecError             a key or a value in the registry is not what it should be
├── HoldError              a message between agent and gateway is not what it should be
├── BrokerError            a message between agent and broker is not what it should be
├── RegistryError          the registry did not do what was asked
│   ├── RegistryUnavailable    nobody answered in time; trying again may help
│   ├── RegistryRefused        it answered, and refuses: credentials, quota, a malformed request
│   └── LeaseLost              the lease, and every key under it, is gone
├── StatusError            another daemon's status endpoint did not answer as it should
├── UnitError              systemd did not do what was asked of a unit
└── SessionError           a client cannot have a session, or has lost it

Messages start with "cannot ..." and carry the cause.
"""


class WaypointError(Exception):
    """Base of everything that WayPoint raises on purpose."""


class ConfigError(WaypointError):
    """A setting is missing or wrong; the message names it and where it came from."""


class CodecError(WaypointError):
    """A registry key or value is not what the schema says; the message names key and attribute."""


class HoldError(WaypointError):
    """A message between agent and gateway is not what the protocol says."""


class BrokerError(WaypointError):
    """A message between agent and broker is not what the protocol says."""


class RegistryError(WaypointError):
    """The registry did not do what was asked."""


class RegistryUnavailable(RegistryError):
    """No endpoint answered in time; whether the request took effect is unknown."""


class RegistryRefused(RegistryError):
    """The registry answered and refuses; trying again changes nothing."""


class LeaseLost(RegistryError):
    """The lease has expired or was revoked: every key under it is gone."""


class StatusError(WaypointError):
    """Another daemon's status endpoint did not answer as it should."""


class UnitError(WaypointError):
    """systemd did not do what was asked of a unit."""


class SessionError(WaypointError):
    """A client cannot have a session, or has lost it."""
