"""Which server is asked, with which certificates, and what its errors become."""

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from functional.etcd.certificates import Authority
from unit.controlplane.cli.conftest import Ctl
from unit.controlplane.cli.fake import Fleet, serving
from waypoint_controlplane.cli import connection, status

Code = grpc.StatusCode


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_first_server_down(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOINT_CTL_SERVERS", f"127.0.0.1:1,{ctl.server}")
    assert "ready" in ctl.says("get", "hosts")


def test_first_server_silent(ctl: Ctl) -> None:
    with silent() as mute:
        result = ctl("get", "hosts", "--timeout", "0.3s", "--server", mute, "--server", "127.0.0.1:1")
    assert result.exit_code == 4
    assert f"{mute}: no answer within 0.3 s; 127.0.0.1:1: " in result.stderr


def test_flags_win_over_the_environment(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOINT_CTL_SERVERS", "127.0.0.1:1")
    assert "ready" in ctl.says("--server", "127.0.0.1:2", "get", "hosts", "--server", ctl.server)
    assert "ready" in ctl.says("--server", "127.0.0.1:2", "--server", ctl.server, "get", "hosts")
    for words in ("-o json get hosts", "get -o json hosts", "get hosts -o json", "-o yaml get hosts -o json"):
        assert "items" in json.loads(ctl.says("--server", ctl.server, *words.split()))


def test_nobody_answers(ctl: Ctl) -> None:
    result = ctl("get", "hosts", "--server", "127.0.0.1:1", "--server", "127.0.0.1:2")
    assert result.exit_code == 4
    refused = "Failed to connect to remote host: Connection refused"
    assert result.stderr == (
        f"waypointctl: cannot reach any control plane (127.0.0.1:1: {refused}; 127.0.0.1:2: {refused}):"
        " name one with --server or WAYPOINT_CTL_SERVERS, and see `waypointctl doctor`\n"
    )


def test_a_server_that_serves_is_preferred(ctl: Ctl) -> None:
    starting = Fleet(serving=False, leader="nobody yet")
    with serving(starting) as other:
        assert "Leader:       cp1" in ctl.says("status", "--server", other, "--server", ctl.server)
        assert "Leader:       nobody yet" in ctl.says("status", "--server", other)


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (Code.INVALID_ARGUMENT, 2),
        (Code.NOT_FOUND, 3),
        (Code.UNAVAILABLE, 4),
        (Code.FAILED_PRECONDITION, 5),
        (Code.RESOURCE_EXHAUSTED, 5),
        (Code.UNAUTHENTICATED, 6),
        (Code.PERMISSION_DENIED, 6),
        (Code.DEADLINE_EXCEEDED, 7),
        (Code.INTERNAL, 1),
        (Code.UNIMPLEMENTED, 1),
    ],
)
def test_exit_codes(ctl: Ctl, code: grpc.StatusCode, exit_code: int) -> None:
    ctl.fleet.refusal = code, "cannot do this: the reason, and what to do"
    result = ctl("connect")
    assert result.exit_code == exit_code
    assert result.stdout == ""
    if code not in {Code.DEADLINE_EXCEEDED, Code.UNIMPLEMENTED}:
        assert result.stderr == "waypointctl: cannot do this: the reason, and what to do\n"


def test_streams_fail_alike(ctl: Ctl) -> None:
    ctl.fleet.refusal = Code.NOT_FOUND, "cannot read a journal of zz: there is no such host"
    assert ctl("logs", "zz").exit_code == 3
    assert ctl("events", "-w").exit_code == 3


def test_deadline(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the call itself: the deadline is not spent on the question whether the server serves."""
    monkeypatch.setattr(connection, "_refusal", lambda *_: "")
    ctl.fleet.silent = True
    result = ctl("get", "hosts", "--timeout", "0.3s")
    assert result.exit_code == 7
    assert "it has not answered in time; --timeout gives it more" in result.stderr


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "fleet")


@pytest.fixture
def secured(authority: Authority, fleet: Fleet) -> Iterator[str]:
    """A server that wants a certificate of the fleet's CA."""
    pair = authority.issue("server")
    credentials = grpc.ssl_server_credentials(
        [(pair.key.read_bytes(), pair.certificate.read_bytes())],
        root_certificates=authority.certificate.read_bytes(),
        require_client_auth=True,
    )
    with serving(fleet, credentials) as server:
        yield server


def tls(ca: Authority, of: Authority | None = None) -> list[str]:
    flags = ["--tls-ca-file", str(ca.certificate)]
    if of:
        pair = of.issue("admin")
        flags += ["--tls-cert-file", str(pair.certificate), "--tls-key-file", str(pair.key)]
    return flags


def test_right_certificate(ctl: Ctl, secured: str, authority: Authority) -> None:
    assert "ready" in ctl.says("get", "hosts", "--server", secured, *tls(authority, authority))


def test_wrong_certificates(ctl: Ctl, secured: str, authority: Authority, tmp_path: Path) -> None:
    """A CA that did not sign the server's, a certificate of another CA, and none."""
    stranger = Authority(tmp_path, "stranger")
    for flags in (tls(stranger, authority), tls(authority, stranger), tls(authority)):
        result = ctl("get", "hosts", "--server", secured, *flags)
        assert result.exit_code == 6, result.stderr
        assert "check tls.ca_file, tls.cert_file and tls.key_file" in result.stderr


def test_without_certificates(ctl: Ctl, secured: str) -> None:
    result = ctl("get", "hosts", "--server", secured)
    assert result.exit_code == 4
    assert "it may want TLS: set tls.ca_file" in result.stderr


def test_certificate_files(ctl: Ctl, authority: Authority) -> None:
    missing = ctl("get", "hosts", "--tls-ca-file", "/nowhere/ca.crt")
    assert missing.exit_code == 6
    assert missing.stderr == "waypointctl: cannot read certificate /nowhere/ca.crt: No such file or directory\n"
    alone = ctl("get", "hosts", "--tls-cert-file", str(authority.certificate))
    assert alone.exit_code == 6
    assert "go together" in alone.stderr


def test_wrong_settings(ctl: Ctl, tmp_path: Path) -> None:
    file = tmp_path / "waypoint.toml"
    file.write_text("[ctl]\nserver = 1\n")
    result = ctl("get", "hosts", "--config", str(file))
    assert result.exit_code == 1
    assert f"cannot use ctl.server from {file}: there is no such setting; did you mean ctl.servers?" in result.stderr


def test_waiting_for_a_leader(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    def elect(_: float) -> None:
        ctl.fleet.leader = "cp1"

    ctl.fleet.leader = ""
    monkeypatch.setattr("time.sleep", elect)
    assert json.loads(ctl.says("status", "--wait-leader", "-o", "json"))["leader"] == "cp1"


def test_waiting_for_a_leader_in_vain(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt is the last one, and has a minute."""
    monkeypatch.setattr(status, "_PAUSE", 60.0)
    ctl.fleet.leader = ""
    result = ctl("status", "--wait-leader", "--timeout", "0.5s")
    assert result.exit_code == 7
    assert "cannot see a leader within" in result.stderr
    assert ctl("status", "--wait-leader", "--timeout", "0.5s", "--server", "127.0.0.1:1").exit_code == 4
