import socket

import pytest

from waypoint_core.address import advertised, is_loopback, joined, split
from waypoint_core.errors import ConfigError
from waypoint_core.settings import EtcdSettings, HostSettings, Settings


@pytest.mark.parametrize(
    ("address", "parts"),
    [("10.0.0.1:80", ("10.0.0.1", 80)), ("[::1]:0", ("::1", 0)), ("host-a.lan:65535", ("host-a.lan", 65535))],
)
def test_split_and_joined(address: str, parts: tuple[str, int]) -> None:
    assert split(address) == parts
    assert joined(*parts) == address


@pytest.mark.parametrize(
    "address",
    [
        *("", ":80", "host", "host:", "host:x", "host:-1", "host:65536", "host:" + "9" * 5000, "::1:80"),
        *("[]:80", "[a]:80", "[::1:80", "::1]:80", "[[::1]]:80", "a b:80", "me@host:80", "a/b:80"),
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot use address .* not host:port"):
        split(address)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("127.example.org", False),
    ],
)
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def settings(endpoint: str = "http://127.0.0.1:2379", address: str = "") -> Settings:
    return Settings(etcd=EtcdSettings(endpoints=(endpoint,)), host=HostSettings("a", {}, address))


@pytest.mark.parametrize(
    ("listen", "given", "expected"),
    [
        ("10.0.0.1:9301", "", "10.0.0.1:9301"),
        ("10.0.0.1:9301", "192.0.2.7", "10.0.0.1:9301"),
        ("[fd00::1]:9301", "", "[fd00::1]:9301"),
        ("host-a:9301", "192.0.2.7", "host-a:9301"),
        ("0.0.0.0:9301", "192.0.2.7", "192.0.2.7:9301"),
        ("[::]:9301", "fd00::7", "[fd00::7]:9301"),
        ("[::]:9301", "[fd00::7]", "[fd00::7]:9301"),
        ("0.0.0.0:9301", "host-a.lan", "host-a.lan:9301"),
        ("0.0.0.0:9301", "", "127.0.0.1:9301"),
        ("[::]:9301", "", "127.0.0.1:9301"),
    ],
)
def test_advertised(listen: str, given: str, expected: str) -> None:
    assert advertised(listen, settings(address=given)) == expected


def test_a_host_that_no_way_leads_from_must_be_told_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConfigError, match=r"cannot tell by which address .* set host\.address"):
        advertised("0.0.0.0:1", settings("http://etcd.invalid:2379"))
