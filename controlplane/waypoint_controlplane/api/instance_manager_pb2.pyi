from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InstanceType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEFAULT_INSTANCE_TYPE: _ClassVar[InstanceType]
    CHROME_BROWSER: _ClassVar[InstanceType]
    VIRTUAL_MACHINE: _ClassVar[InstanceType]
    WARMPOOL_CHROME_PROXY: _ClassVar[InstanceType]
    FAKE_INSTANCE: _ClassVar[InstanceType]
    INSTANCE_MANAGER: _ClassVar[InstanceType]
    VLLM: _ClassVar[InstanceType]
    BROWSER_BACKEND: _ClassVar[InstanceType]
    AGENT: _ClassVar[InstanceType]

class KillReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEFAULT_KILL_REASON: _ClassVar[KillReason]
    KILLED: _ClassVar[KillReason]
    TIMEOUT: _ClassVar[KillReason]
    HEALTH_CHECK_FAILED: _ClassVar[KillReason]
    PARENT_DEAD: _ClassVar[KillReason]

class EventType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEFAULT_EVENT_TYPE: _ClassVar[EventType]
    ADDED: _ClassVar[EventType]
    REMOVED: _ClassVar[EventType]
    CHILD_ADDED: _ClassVar[EventType]
    PARENT_ADDED: _ClassVar[EventType]
    SERVICE_ADDED: _ClassVar[EventType]
DEFAULT_INSTANCE_TYPE: InstanceType
CHROME_BROWSER: InstanceType
VIRTUAL_MACHINE: InstanceType
WARMPOOL_CHROME_PROXY: InstanceType
FAKE_INSTANCE: InstanceType
INSTANCE_MANAGER: InstanceType
VLLM: InstanceType
BROWSER_BACKEND: InstanceType
AGENT: InstanceType
DEFAULT_KILL_REASON: KillReason
KILLED: KillReason
TIMEOUT: KillReason
HEALTH_CHECK_FAILED: KillReason
PARENT_DEAD: KillReason
DEFAULT_EVENT_TYPE: EventType
ADDED: EventType
REMOVED: EventType
CHILD_ADDED: EventType
PARENT_ADDED: EventType
SERVICE_ADDED: EventType

class Bool(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: bool
    def __init__(self, value: bool = ...) -> None: ...

class InstanceId(_message.Message):
    __slots__ = ("instance_id",)
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    def __init__(self, instance_id: _Optional[str] = ...) -> None: ...

class TimestampMs(_message.Message):
    __slots__ = ("timestamp_ms",)
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: int
    def __init__(self, timestamp_ms: _Optional[int] = ...) -> None: ...

class HealthCheck(_message.Message):
    __slots__ = ("timestamp_ms",)
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: TimestampMs
    def __init__(self, timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ...) -> None: ...

class SystemMetrics(_message.Message):
    __slots__ = ("timestamp_ms", "used_memory_bytes", "total_memory_bytes")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    USED_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: TimestampMs
    used_memory_bytes: int
    total_memory_bytes: int
    def __init__(self, timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ..., used_memory_bytes: _Optional[int] = ..., total_memory_bytes: _Optional[int] = ...) -> None: ...

class ProxyMetrics(_message.Message):
    __slots__ = ("timestamp_ms", "active_connections", "num_connections", "client_to_server_bytes", "server_to_client_bytes")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    NUM_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_TO_SERVER_BYTES_FIELD_NUMBER: _ClassVar[int]
    SERVER_TO_CLIENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: TimestampMs
    active_connections: int
    num_connections: int
    client_to_server_bytes: int
    server_to_client_bytes: int
    def __init__(self, timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ..., active_connections: _Optional[int] = ..., num_connections: _Optional[int] = ..., client_to_server_bytes: _Optional[int] = ..., server_to_client_bytes: _Optional[int] = ...) -> None: ...

class LlmMetrics(_message.Message):
    __slots__ = ("timestamp_ms", "num_requests", "tokens_received", "tokens_sent")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    NUM_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    TOKENS_SENT_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: TimestampMs
    num_requests: int
    tokens_received: int
    tokens_sent: int
    def __init__(self, timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ..., num_requests: _Optional[int] = ..., tokens_received: _Optional[int] = ..., tokens_sent: _Optional[int] = ...) -> None: ...

class GpuMetricData(_message.Message):
    __slots__ = ("used_memory", "total_memory", "utilization")
    USED_MEMORY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MEMORY_FIELD_NUMBER: _ClassVar[int]
    UTILIZATION_FIELD_NUMBER: _ClassVar[int]
    used_memory: int
    total_memory: int
    utilization: float
    def __init__(self, used_memory: _Optional[int] = ..., total_memory: _Optional[int] = ..., utilization: _Optional[float] = ...) -> None: ...

class GpuMetrics(_message.Message):
    __slots__ = ("timestamp_ms", "gpu_metrics")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    GPU_METRICS_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: TimestampMs
    gpu_metrics: _containers.RepeatedCompositeFieldContainer[GpuMetricData]
    def __init__(self, timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ..., gpu_metrics: _Optional[_Iterable[_Union[GpuMetricData, _Mapping]]] = ...) -> None: ...

class AllInstancesQuery(_message.Message):
    __slots__ = ("instance_type",)
    INSTANCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    instance_type: InstanceType
    def __init__(self, instance_type: _Optional[_Union[InstanceType, str]] = ...) -> None: ...

class AllInstancesResponse(_message.Message):
    __slots__ = ("instance_ids",)
    INSTANCE_IDS_FIELD_NUMBER: _ClassVar[int]
    instance_ids: _containers.RepeatedCompositeFieldContainer[InstanceId]
    def __init__(self, instance_ids: _Optional[_Iterable[_Union[InstanceId, _Mapping]]] = ...) -> None: ...

class InstanceUpdate(_message.Message):
    __slots__ = ("timestamp_ms", "instance_id", "instance_type", "event_type")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: TimestampMs
    instance_id: InstanceId
    instance_type: InstanceType
    event_type: EventType
    def __init__(self, timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ..., instance_id: _Optional[_Union[InstanceId, _Mapping]] = ..., instance_type: _Optional[_Union[InstanceType, str]] = ..., event_type: _Optional[_Union[EventType, str]] = ...) -> None: ...

class KillInstanceRequest(_message.Message):
    __slots__ = ("timestamp_ms", "kill_reason")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    KILL_REASON_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: TimestampMs
    kill_reason: KillReason
    def __init__(self, timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ..., kill_reason: _Optional[_Union[KillReason, str]] = ...) -> None: ...

class Relationship(_message.Message):
    __slots__ = ("timestamp_ms", "instance_id")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: TimestampMs
    instance_id: InstanceId
    def __init__(self, timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ..., instance_id: _Optional[_Union[InstanceId, _Mapping]] = ...) -> None: ...

class Children(_message.Message):
    __slots__ = ("children",)
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    children: _containers.RepeatedCompositeFieldContainer[Relationship]
    def __init__(self, children: _Optional[_Iterable[_Union[Relationship, _Mapping]]] = ...) -> None: ...

class Services(_message.Message):
    __slots__ = ("timestamp_ms", "chrome_debug_port_service", "tzafonwright_service")
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    CHROME_DEBUG_PORT_SERVICE_FIELD_NUMBER: _ClassVar[int]
    TZAFONWRIGHT_SERVICE_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: TimestampMs
    chrome_debug_port_service: str
    tzafonwright_service: str
    def __init__(self, timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ..., chrome_debug_port_service: _Optional[str] = ..., tzafonwright_service: _Optional[str] = ...) -> None: ...

class InstanceDescription(_message.Message):
    __slots__ = ("created_timestamp_ms", "instance_type", "instance_id", "kill_instance_request", "services", "children", "parent", "health_check", "proxy_metrics", "system_metrics", "gpu_metrics", "llm_metrics")
    CREATED_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    KILL_INSTANCE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    HEALTH_CHECK_FIELD_NUMBER: _ClassVar[int]
    PROXY_METRICS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_METRICS_FIELD_NUMBER: _ClassVar[int]
    GPU_METRICS_FIELD_NUMBER: _ClassVar[int]
    LLM_METRICS_FIELD_NUMBER: _ClassVar[int]
    created_timestamp_ms: TimestampMs
    instance_type: InstanceType
    instance_id: InstanceId
    kill_instance_request: KillInstanceRequest
    services: Services
    children: Children
    parent: Relationship
    health_check: HealthCheck
    proxy_metrics: ProxyMetrics
    system_metrics: SystemMetrics
    gpu_metrics: GpuMetrics
    llm_metrics: LlmMetrics
    def __init__(self, created_timestamp_ms: _Optional[_Union[TimestampMs, _Mapping]] = ..., instance_type: _Optional[_Union[InstanceType, str]] = ..., instance_id: _Optional[_Union[InstanceId, _Mapping]] = ..., kill_instance_request: _Optional[_Union[KillInstanceRequest, _Mapping]] = ..., services: _Optional[_Union[Services, _Mapping]] = ..., children: _Optional[_Union[Children, _Mapping]] = ..., parent: _Optional[_Union[Relationship, _Mapping]] = ..., health_check: _Optional[_Union[HealthCheck, _Mapping]] = ..., proxy_metrics: _Optional[_Union[ProxyMetrics, _Mapping]] = ..., system_metrics: _Optional[_Union[SystemMetrics, _Mapping]] = ..., gpu_metrics: _Optional[_Union[GpuMetrics, _Mapping]] = ..., llm_metrics: _Optional[_Union[LlmMetrics, _Mapping]] = ...) -> None: ...
