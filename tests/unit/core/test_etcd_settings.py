from pathlib import Path
from typing import Any

import pytest

from waypoint_core import settings
from waypoint_core.errors import ConfigError
from waypoint_core.etcd.settings import EtcdSettings, Target

SOME = Path("/some/file")


def test_endpoints() -> None:
    given = EtcdSettings(endpoints=("http://a:1", " https://b:2/ ", "c:3", "https://[::1]:4"))
    assert given.targets() == (
        Target("a:1", False),
        Target("b:2", True),
        Target("c:3", False),
        Target("[::1]:4", True),
    )


def test_a_ca_makes_an_endpoint_without_scheme_speak_tls() -> None:
    assert EtcdSettings(endpoints=("a:1",), ca_file=SOME).targets() == (Target("a:1", True),)


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
        EtcdSettings(**wrong)
    assert named in str(failure.value)


def test_from_a_daemons_settings() -> None:
    assert EtcdSettings.of(settings.EtcdSettings(call_timeout=5.0)) == EtcdSettings()
    section = settings.EtcdSettings(
        endpoints=("a:1",),
        ca_file="/ca",
        cert_file="/cert",
        key_file="/key",
        username="me",
        password_file="/password",
        attempt_timeout=1.0,
        call_timeout=2.0,
    )
    assert EtcdSettings.of(section) == EtcdSettings(
        endpoints=("a:1",),
        ca_file=Path("/ca"),
        cert_file=Path("/cert"),
        key_file=Path("/key"),
        username="me",
        password_file=Path("/password"),
        attempt_timeout=1.0,
        call_timeout=2.0,
    )
