"""Records to JSON and back."""

import pytest

from waypoint_core import codec
from waypoint_core.errors import CodecError
from waypoint_core.model import (
    Claim,
    DesiredHost,
    HostAlive,
    Instance,
    InstanceState,
    InstanceType,
    KillRequest,
)

BROWSER = Instance(
    type=InstanceType.CHROME_BROWSER,
    state=InstanceState.READY,
    slot=3,
    generation=7,
    endpoints={"cdp": "ws://127.0.0.1:20003/devtools/browser/x"},
)


@pytest.mark.parametrize(
    "record",
    [
        BROWSER,
        Claim(proxy="p", request="r", session="s"),
        HostAlive(epoch="e", boot_id="b", slots=4, labels={"zone": "x"}),
        DesiredHost(slots=0, browser_flags=("--lang=de",), drain_deadline=1.5),
        KillRequest(reason="why"),
    ],
)
def test_a_record_survives_the_way_there_and_back(record: object) -> None:
    assert codec.decode(type(record), codec.encode(record), "key") == record


def test_defaults_are_left_out() -> None:
    assert codec.encode(Claim(proxy="p", request="r")) == b'{"proxy":"p","request":"r"}'


def test_an_attribute_of_a_newer_writer_is_ignored() -> None:
    assert codec.decode(Claim, b'{"proxy":"p","request":"r","colour":"red"}', "key") == Claim("p", "r")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff\xfe", ""),
        (b"[]", "Expected `object`"),
        (b'{"type":"chrome_browser"}', "missing required field `state`"),
        (b'{"type":"toaster","state":"ready"}', r"Invalid enum value 'toaster' - at `\$.type`"),
        (b'{"type":"chrome_browser","state":"ready","slot":-1}', r"at `\$.slot`"),
        (b'{"type":"chrome_browser","state":"ready","endpoints":{"cdp":4}}', r"Expected `str`, got `int`"),
        (b'{"unknown":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "recursion"),
    ],
)
def test_a_broken_value_is_named(value: bytes, complaint: str) -> None:
    with pytest.raises(CodecError, match=rf"cannot read /k as Instance: .*{complaint}"):
        codec.decode(Instance, value, "/k")
