"""What is refused: unknown instances and wrong mixtures of fields; and then nothing has changed."""

import grpc

from functional.controlplane.managing import Managing
from functional.controlplane.outsider import described, message, refused


async def test_unknown_ids(managed: Managing) -> None:
    client = (await managed.member()).client
    await client.add("a")
    before = await managed.there()
    metrics = message("SystemMetrics", used_memory_bytes=1)
    for call in (
        client.get("none"),
        client.update("none", health=True),
        client.update("none", kill="KILLED"),
        client.update("none", services={"tzafonwright_service": "b:1"}),
        client.update("a", parent="none"),
        client.update("a", children=["none"]),
        client.update("h_0_" + 32 * "0", parent="a"),
        client.add("b", parent="none"),
        client.add("b", children=["none"]),
        client.post("none", system_metrics=metrics),
    ):
        code, text = await refused(call)
        assert code is grpc.StatusCode.NOT_FOUND
        assert text.startswith("cannot find instance")
    assert await managed.there() == before


WRONG = [
    ("TryAddInstance", described("a"), "instance_type"),
    ("TryAddInstance", described(kind="VLLM"), "instance_id"),
    ("TryAddInstance", described("a", "DEFAULT_INSTANCE_TYPE"), "DEFAULT_INSTANCE_TYPE"),
    ("TryAddInstance", described("a", instance_type=77), "77"),
    ("TryAddInstance", described("a", "VLLM", created_timestamp_ms=message("TimestampMs")), "created_timestamp_ms"),
    ("TryAddInstance", described("a", "VLLM", health=True), "health_check"),
    ("TryAddInstance", described("a", "VLLM", kill="KILLED"), "kill_instance_request"),
    ("TryAddInstance", described("a", "VLLM", llm_metrics=message("LlmMetrics")), "llm_metrics"),
    ("TryAddInstance", described("a" * 257, "VLLM"), "257"),
    ("TryAddInstance", described("a\n", "VLLM"), "printed"),
    ("TryAddInstance", described("h_0_" + 32 * "a", "CHROME_BROWSER"), "browsers"),
    ("TryAddInstance", described("a", "VLLM", parent="a"), "own parent"),
    ("TryAddInstance", described("a", "VLLM", children=["a"]), "own child"),
    ("TryAddInstance", described("a", "VLLM", children=["b", "b"]), "twice"),
    ("TryAddInstance", described("a", "VLLM", children=[]), "no children"),
    ("TryAddInstance", described("a", "VLLM", children=[str(n) for n in range(16)]), "15 is the limit"),
    ("TryAddInstance", described("a", "VLLM", children=["h_0_" + 32 * "a", "b"]), "alone"),
    ("TryAddInstance", described("a", "VLLM", children=["b"], parent="b"), "both"),
    ("TryAddInstance", described("a", "VLLM", services={}), "services"),
    *(
        ("TryAddInstance", described("a", "VLLM", services={"tzafonwright_service": address}), "host:port")
        for address in ("b", "b:", ":1", "b:0", "b:65536", "b c:1", "http://b:1", "::1:1", "b:1\n", "")
    ),
    ("TryUpdateInstanceDescription", described("known"), "nothing"),
    ("TryUpdateInstanceDescription", described("known", "VLLM"), "nothing"),
    ("TryUpdateInstanceDescription", described("known", "VLLM", health=True), "FAKE_INSTANCE"),
    ("TryUpdateInstanceDescription", described("known", "DEFAULT_INSTANCE_TYPE", health=True), "DEFAULT"),
    ("TryUpdateInstanceDescription", described(health=True), "instance_id"),
    (
        "TryUpdateInstanceDescription",
        described("known", health=True, created_timestamp_ms=message("TimestampMs")),
        "created_timestamp_ms",
    ),
    ("TryUpdateInstanceDescription", described("known", kill="KILLED", health=True), "health_check"),
    ("TryUpdateInstanceDescription", described("known", kill="KILLED", parent="b"), "parent"),
    (
        "TryUpdateInstanceDescription",
        described("known", kill_instance_request=message("KillInstanceRequest", kill_reason=44)),
        "44",
    ),
    ("TryUpdateInstanceDescription", described("known", gpu_metrics=message("GpuMetrics")), "gpu_metrics"),
    ("TryUpdateInstanceDescription", described("known", parent="known"), "own parent"),
    ("TryUpdateInstanceDescription", described("known", services={}), "services"),
    (
        "TryUpdateInstanceDescription",
        described("h_0_" + 32 * "a", services={"tzafonwright_service": "b:1"}),
        "services",
    ),
    ("TryUpdateInstanceDescription", described("h_0_" + 32 * "a", parent="p", children=["c"]), "two calls"),
    (
        "TryUpdateInstanceDescription",
        described("known", children=["h_0_" + 32 * "a"], services={"tzafonwright_service": "b:1"}),
        "two calls",
    ),
    ("PostInstanceDescription", described("known"), "nothing"),
    ("PostInstanceDescription", described("known", health=True), "health_check"),
    (
        "PostInstanceDescription",
        described("known", system_metrics=message("SystemMetrics"), parent="a"),
        "parent",
    ),
    (
        "PostInstanceDescription",
        described("known", gpu_metrics=message("GpuMetrics", gpu_metrics=[message("GpuMetricData")] * 65)),
        "64",
    ),
    (
        "PostInstanceDescription",
        described(
            "known", gpu_metrics=message("GpuMetrics", gpu_metrics=[message("GpuMetricData", utilization=float("nan"))])
        ),
        "finite",
    ),
    ("GetInstance", message("InstanceId"), "empty"),
    ("GetAllInstances", message("AllInstancesQuery"), "DEFAULT_INSTANCE_TYPE"),
    ("GetAllInstances", message("AllInstancesQuery", instance_type=9), "9"),
]
SERVICES = {
    "TryAddInstance": "TryService",
    "TryUpdateInstanceDescription": "TryService",
    "PostInstanceDescription": "PostService",
}


async def test_wrong_mixtures(managed: Managing) -> None:
    client = (await managed.member()).client
    await client.add("known")
    before = await managed.there()
    for method, request, words in WRONG:
        code, text = await refused(client.call(SERVICES.get(method, "GetService"), method, request))
        assert (code, text[:7]) == (grpc.StatusCode.INVALID_ARGUMENT, "cannot "), (request, text)
        assert words in text, text
    code, _ = await refused((await client.subscribe("DEFAULT_INSTANCE_TYPE")).next())
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert await managed.there() == before
