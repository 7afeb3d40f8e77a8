from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HostState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOST_STATE_UNSPECIFIED: _ClassVar[HostState]
    HOST_STATE_READY: _ClassVar[HostState]
    HOST_STATE_CORDONED: _ClassVar[HostState]
    HOST_STATE_DRAINING: _ClassVar[HostState]
    HOST_STATE_SUSPECT: _ClassVar[HostState]
    HOST_STATE_GONE: _ClassVar[HostState]

class InstanceState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INSTANCE_STATE_UNSPECIFIED: _ClassVar[InstanceState]
    INSTANCE_STATE_STARTING: _ClassVar[InstanceState]
    INSTANCE_STATE_READY: _ClassVar[InstanceState]
    INSTANCE_STATE_CLAIMED: _ClassVar[InstanceState]
    INSTANCE_STATE_RECYCLING: _ClassVar[InstanceState]
    INSTANCE_STATE_GONE: _ClassVar[InstanceState]
    INSTANCE_STATE_FAILED: _ClassVar[InstanceState]
    INSTANCE_STATE_STALE: _ClassVar[InstanceState]
HOST_STATE_UNSPECIFIED: HostState
HOST_STATE_READY: HostState
HOST_STATE_CORDONED: HostState
HOST_STATE_DRAINING: HostState
HOST_STATE_SUSPECT: HostState
HOST_STATE_GONE: HostState
INSTANCE_STATE_UNSPECIFIED: InstanceState
INSTANCE_STATE_STARTING: InstanceState
INSTANCE_STATE_READY: InstanceState
INSTANCE_STATE_CLAIMED: InstanceState
INSTANCE_STATE_RECYCLING: InstanceState
INSTANCE_STATE_GONE: InstanceState
INSTANCE_STATE_FAILED: InstanceState
INSTANCE_STATE_STALE: InstanceState

class Host(_message.Message):
    __slots__ = ("name", "state", "reason", "since", "slots", "ready", "claimed", "failed", "load1", "memory_total_bytes", "memory_available_bytes", "pressure", "labels", "versions", "browser_flags", "wanted_slots", "drain_deadline", "losses", "boot_id", "status_address")
    class PressureEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    LOAD1_FIELD_NUMBER: _ClassVar[int]
    MEMORY_TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_AVAILABLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PRESSURE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    BROWSER_FLAGS_FIELD_NUMBER: _ClassVar[int]
    WANTED_SLOTS_FIELD_NUMBER: _ClassVar[int]
    DRAIN_DEADLINE_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: HostState
    reason: str
    since: _timestamp_pb2.Timestamp
    slots: int
    ready: int
    claimed: int
    failed: int
    load1: float
    memory_total_bytes: int
    memory_available_bytes: int
    pressure: _containers.ScalarMap[str, float]
    labels: _containers.ScalarMap[str, str]
    versions: _containers.ScalarMap[str, str]
    browser_flags: _containers.RepeatedScalarFieldContainer[str]
    wanted_slots: int
    drain_deadline: _timestamp_pb2.Timestamp
    losses: _containers.RepeatedCompositeFieldContainer[_timestamp_pb2.Timestamp]
    boot_id: str
    status_address: str
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[HostState, str]] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., slots: _Optional[int] = ..., ready: _Optional[int] = ..., claimed: _Optional[int] = ..., failed: _Optional[int] = ..., load1: _Optional[float] = ..., memory_total_bytes: _Optional[int] = ..., memory_available_bytes: _Optional[int] = ..., pressure: _Optional[_Mapping[str, float]] = ..., labels: _Optional[_Mapping[str, str]] = ..., versions: _Optional[_Mapping[str, str]] = ..., browser_flags: _Optional[_Iterable[str]] = ..., wanted_slots: _Optional[int] = ..., drain_deadline: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., losses: _Optional[_Iterable[_Union[_timestamp_pb2.Timestamp, _Mapping]]] = ..., boot_id: _Optional[str] = ..., status_address: _Optional[str] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("id", "type", "state", "reason", "host", "slot", "generation", "since", "endpoints", "labels", "parent", "children", "proxy", "claim_kind")
    class EndpointsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    PROXY_FIELD_NUMBER: _ClassVar[int]
    CLAIM_KIND_FIELD_NUMBER: _ClassVar[int]
    id: str
    type: str
    state: InstanceState
    reason: str
    host: str
    slot: int
    generation: int
    since: _timestamp_pb2.Timestamp
    endpoints: _containers.ScalarMap[str, str]
    labels: _containers.ScalarMap[str, str]
    parent: str
    children: _containers.RepeatedScalarFieldContainer[str]
    proxy: str
    claim_kind: str
    def __init__(self, id: _Optional[str] = ..., type: _Optional[str] = ..., state: _Optional[_Union[InstanceState, str]] = ..., reason: _Optional[str] = ..., host: _Optional[str] = ..., slot: _Optional[int] = ..., generation: _Optional[int] = ..., since: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., endpoints: _Optional[_Mapping[str, str]] = ..., labels: _Optional[_Mapping[str, str]] = ..., parent: _Optional[str] = ..., children: _Optional[_Iterable[str]] = ..., proxy: _Optional[str] = ..., claim_kind: _Optional[str] = ...) -> None: ...

class Binding(_message.Message):
    __slots__ = ("parent", "child", "since")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    CHILD_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    child: str
    since: _timestamp_pb2.Timestamp
    def __init__(self, parent: _Optional[str] = ..., child: _Optional[str] = ..., since: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Session(_message.Message):
    __slots__ = ("instance", "host", "proxy", "kind", "client", "since", "ended", "end_reason", "bytes_from_client", "bytes_to_client", "connections")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PROXY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    BYTES_FROM_CLIENT_FIELD_NUMBER: _ClassVar[int]
    BYTES_TO_CLIENT_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    instance: str
    host: str
    proxy: str
    kind: str
    client: str
    since: _timestamp_pb2.Timestamp
    ended: _timestamp_pb2.Timestamp
    end_reason: str
    bytes_from_client: int
    bytes_to_client: int
    connections: int
    def __init__(self, instance: _Optional[str] = ..., host: _Optional[str] = ..., proxy: _Optional[str] = ..., kind: _Optional[str] = ..., client: _Optional[str] = ..., since: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., ended: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_reason: _Optional[str] = ..., bytes_from_client: _Optional[int] = ..., bytes_to_client: _Optional[int] = ..., connections: _Optional[int] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("at", "number", "noun", "name", "what", "reason", "by")
    AT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    NOUN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    number: int
    noun: str
    name: str
    what: str
    reason: str
    by: str
    def __init__(self, at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., number: _Optional[int] = ..., noun: _Optional[str] = ..., name: _Optional[str] = ..., what: _Optional[str] = ..., reason: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class Status(_message.Message):
    __slots__ = ("leader", "server", "frozen", "frozen_by", "freeze_reason", "staleness", "members", "proxies", "version")
    LEADER_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    FROZEN_FIELD_NUMBER: _ClassVar[int]
    FROZEN_BY_FIELD_NUMBER: _ClassVar[int]
    FREEZE_REASON_FIELD_NUMBER: _ClassVar[int]
    STALENESS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    PROXIES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    leader: str
    server: str
    frozen: bool
    frozen_by: str
    freeze_reason: str
    staleness: _duration_pb2.Duration
    members: _containers.RepeatedCompositeFieldContainer[Member]
    proxies: _containers.RepeatedCompositeFieldContainer[Proxy]
    version: str
    def __init__(self, leader: _Optional[str] = ..., server: _Optional[str] = ..., frozen: bool = ..., frozen_by: _Optional[str] = ..., freeze_reason: _Optional[str] = ..., staleness: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., proxies: _Optional[_Iterable[_Union[Proxy, _Mapping]]] = ..., version: _Optional[str] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("name", "address", "status_address")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STATUS_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    name: str
    address: str
    status_address: str
    def __init__(self, name: _Optional[str] = ..., address: _Optional[str] = ..., status_address: _Optional[str] = ...) -> None: ...

class Proxy(_message.Message):
    __slots__ = ("name", "host", "address", "status_address")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STATUS_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    name: str
    host: str
    address: str
    status_address: str
    def __init__(self, name: _Optional[str] = ..., host: _Optional[str] = ..., address: _Optional[str] = ..., status_address: _Optional[str] = ...) -> None: ...

class ListHostsRequest(_message.Message):
    __slots__ = ("labels",)
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    LABELS_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.ScalarMap[str, str]
    def __init__(self, labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ListHostsResponse(_message.Message):
    __slots__ = ("hosts",)
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    hosts: _containers.RepeatedCompositeFieldContainer[Host]
    def __init__(self, hosts: _Optional[_Iterable[_Union[Host, _Mapping]]] = ...) -> None: ...

class GetHostRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class CordonRequest(_message.Message):
    __slots__ = ("name", "reason", "by")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    by: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class UncordonRequest(_message.Message):
    __slots__ = ("name", "by")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    name: str
    by: str
    def __init__(self, name: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ("name", "deadline", "reason", "by")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    name: str
    deadline: _duration_pb2.Duration
    reason: str
    by: str
    def __init__(self, name: _Optional[str] = ..., deadline: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., reason: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class DrainProgress(_message.Message):
    __slots__ = ("sessions_left", "deadline", "drained", "state")
    SESSIONS_LEFT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    DRAINED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    sessions_left: int
    deadline: _timestamp_pb2.Timestamp
    drained: bool
    state: HostState
    def __init__(self, sessions_left: _Optional[int] = ..., deadline: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., drained: bool = ..., state: _Optional[_Union[HostState, str]] = ...) -> None: ...

class ScaleRequest(_message.Message):
    __slots__ = ("name", "slots")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    slots: int
    def __init__(self, name: _Optional[str] = ..., slots: _Optional[int] = ...) -> None: ...

class ConfigureRequest(_message.Message):
    __slots__ = ("name", "set_labels", "remove_labels", "browser_flags")
    class SetLabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    SET_LABELS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_LABELS_FIELD_NUMBER: _ClassVar[int]
    BROWSER_FLAGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    set_labels: _containers.ScalarMap[str, str]
    remove_labels: _containers.RepeatedScalarFieldContainer[str]
    browser_flags: BrowserFlags
    def __init__(self, name: _Optional[str] = ..., set_labels: _Optional[_Mapping[str, str]] = ..., remove_labels: _Optional[_Iterable[str]] = ..., browser_flags: _Optional[_Union[BrowserFlags, _Mapping]] = ...) -> None: ...

class BrowserFlags(_message.Message):
    __slots__ = ("flags",)
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    flags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, flags: _Optional[_Iterable[str]] = ...) -> None: ...

class ListInstancesRequest(_message.Message):
    __slots__ = ("host", "type")
    HOST_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    host: str
    type: str
    def __init__(self, host: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class ListInstancesResponse(_message.Message):
    __slots__ = ("instances",)
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    def __init__(self, instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ...) -> None: ...

class GetInstanceRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class KillRequest(_message.Message):
    __slots__ = ("id", "reason", "by")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    by: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class KillResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListBindingsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListBindingsResponse(_message.Message):
    __slots__ = ("bindings",)
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    bindings: _containers.RepeatedCompositeFieldContainer[Binding]
    def __init__(self, bindings: _Optional[_Iterable[_Union[Binding, _Mapping]]] = ...) -> None: ...

class ListSessionsRequest(_message.Message):
    __slots__ = ("host", "ended")
    HOST_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    host: str
    ended: bool
    def __init__(self, host: _Optional[str] = ..., ended: bool = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ("sessions", "missing")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[Session]
    missing: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sessions: _Optional[_Iterable[_Union[Session, _Mapping]]] = ..., missing: _Optional[_Iterable[str]] = ...) -> None: ...

class OpenSessionRequest(_message.Message):
    __slots__ = ("host", "labels", "by")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    HOST_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    host: str
    labels: _containers.ScalarMap[str, str]
    by: str
    def __init__(self, host: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., by: _Optional[str] = ...) -> None: ...

class OpenSessionResponse(_message.Message):
    __slots__ = ("instance", "url", "open_timeout", "tzafonwright_url")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    TZAFONWRIGHT_URL_FIELD_NUMBER: _ClassVar[int]
    instance: str
    url: str
    open_timeout: _duration_pb2.Duration
    tzafonwright_url: str
    def __init__(self, instance: _Optional[str] = ..., url: _Optional[str] = ..., open_timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., tzafonwright_url: _Optional[str] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FreezeRequest(_message.Message):
    __slots__ = ("reason", "by")
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    reason: str
    by: str
    def __init__(self, reason: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class UnfreezeRequest(_message.Message):
    __slots__ = ("by",)
    BY_FIELD_NUMBER: _ClassVar[int]
    by: str
    def __init__(self, by: _Optional[str] = ...) -> None: ...

class WatchEventsRequest(_message.Message):
    __slots__ = ("follow", "past", "host")
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    PAST_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    follow: bool
    past: int
    host: str
    def __init__(self, follow: bool = ..., past: _Optional[int] = ..., host: _Optional[str] = ...) -> None: ...

class ReadJournalRequest(_message.Message):
    __slots__ = ("host", "unit", "lines", "follow")
    HOST_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    host: str
    unit: str
    lines: int
    follow: bool
    def __init__(self, host: _Optional[str] = ..., unit: _Optional[str] = ..., lines: _Optional[int] = ..., follow: bool = ...) -> None: ...

class JournalLine(_message.Message):
    __slots__ = ("at", "unit", "priority", "message")
    AT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    unit: str
    priority: int
    message: str
    def __init__(self, at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., unit: _Optional[str] = ..., priority: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...
