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
        ({"endpoints": ()}, "no endpoint"),
        ({"endpoints": ("a",)}, "'a'"),
        ({"endpoints": ("a:b",)}, "'a:b'"),
        ({"endpoints": ("ftp://a:1",)}, "'ftp://a:1'"),
        ({"cert_file": SOME}, "certificate and key"),
        ({"key_file": SOME}, "certificate and key"),
        ({"username": "me"}, "user name and password file"),
        ({"password_file": SOME}, "user name and password file"),
        ({"endpoints": ("http://a:1",), "ca_file": SOME}, "http://a:1: use https"),
    ],
)
def test_contradictions_are_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=r"^cannot ") as failure:
        targets(EtcdSettings(**wrong))
    assert named in str(failure.value)
