from typing import Any

import pytest

from waypoint_core.errors import ConfigError
from waypoint_core.etcd.targets import Target, targets
from waypoint_core.settings import EtcdSettings

SOME = "/some/file"


def test_endpoints() -> None:
    given = EtcdSettings(endpoints=("http://a:1", " https://b:2/ ", "c:3", "https://[::1]:4"))
    assert targets(given) == (
        Target("a:1", False),
        Target("b:2", True),
        Target("c:3", False),
        Target("[::1]:4", True),
    )


def test_a_ca_makes_an_endpoint_without_scheme_speak_tls() -> None:
    assert targets(EtcdSettings(endpoints=("a:1",), ca_file=SOME)) == (Target("a:1", True),)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"endpoints": ()}, "etcd.endpoints"),
        ({"endpoints": ("a",)}, "'a'"),
        ({"endpoints": ("a:b",)}, "'a:b'"),
        ({"endpoints": ("ftp://a:1",)}, "'ftp://a:1' of etcd.endpoints: it is not http(s)://host:port"),
        ({"endpoints": ("://a:1",)}, "'://a:1' of etcd.endpoints"),
        ({"endpoints": ("http://a:99999",)}, "'http://a:99999' of etcd.endpoints"),
        ({"endpoints": ("http://a:0",)}, "'http://a:0' of etcd.endpoints"),
        ({"endpoints": ("http://::1:2379",)}, "'http://::1:2379' of etcd.endpoints"),
        ({"endpoints": ("http://me@a:1",)}, "'http://me@a:1' of etcd.endpoints"),
        ({"cert_file": SOME}, "etcd.cert_file and etcd.key_file"),
        ({"key_file": SOME}, "etcd.cert_file and etcd.key_file"),
        ({"username": "me"}, "etcd.username and etcd.password_file"),
        ({"password_file": SOME}, "etcd.username and etcd.password_file"),
        ({"endpoints": ("http://a:1",), "ca_file": SOME}, "http://a:1: use https"),
    ],
)
def test_contradictions_are_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=r"^cannot ") as failure:
        targets(EtcdSettings(**wrong))
    assert named in str(failure.value)
