"""The endpoint and its client with certificates: the fleet's, others', none, and expired ones."""

import asyncio
import ssl
from pathlib import Path

import pytest

from functional.etcd.certificates import Authority, Pair
from functional.status.conftest import Fleet, Serve
from functional.status.talk import Ticker, body, connected, echo, get, say, status
from waypoint_core import address as addresses
from waypoint_core.errors import StatusError
from waypoint_core.status import server
from waypoint_core.status.client import StatusClient
from waypoint_core.tls import client_context, server_context


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client counts as one from another host."""
    monkeypatch.setattr(server, "is_loopback", lambda _: False)
    assert addresses.is_loopback("127.0.0.1")


def anonymous(fleet: Fleet) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(fleet.authority.certificate)
    return context


def presenting(fleet: Fleet, pair: Pair) -> ssl.SSLContext:
    context = anonymous(fleet)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


async def test_members_of_the_fleet_see_what_is_private(serve: Serve, fleet: Fleet, strangers: None) -> None:
    ticker = Ticker()
    settings = fleet.settings(fleet.authority.issue("host-a"))
    ask = StatusClient(client_context(fleet.settings(fleet.authority.issue("controlplane"))))
    routes = {"/sessions": echo, "/tick": ticker.route}
    async with asyncio.timeout(30), serve(private=routes, tls=server_context(settings)) as address:
        assert await ask.get(address, "/sessions", 20) == b"/sessions {}"
        ticker.lines.put_nowait(b"one\n")
        lines = ask.lines(address, "/tick", 20)
        assert await anext(lines) == b"one"
        await lines.aclose()
        await ticker.closed.wait()


async def test_without_certificate_only_what_is_public_is_seen(serve: Serve, fleet: Fleet, strangers: None) -> None:
    settings = fleet.settings(fleet.authority.issue("host-a"))
    async with serve(private={"/sessions": echo}, tls=server_context(settings)) as address:
        assert body(await say(address, get("/healthz"), anonymous(fleet))) == b"ok\n"
        answer = await say(address, get("/sessions"), anonymous(fleet))
        assert status(answer) == 403
        assert body(answer).startswith(b"cannot show /sessions to 127.0.0.1: it answers clients on this machine, and ")
        with pytest.raises(StatusError, match="it answered 403: cannot show /sessions to"):
            await StatusClient(anonymous(fleet)).get(address, "/sessions", 20)


async def test_without_tls_others_see_only_what_is_public(serve: Serve, strangers: None) -> None:
    async with serve(private={"/sessions": echo}) as address:
        assert status(await say(address, get("/healthz"))) == 200
        assert status(await say(address, get("/sessions"))) == 403


async def test_on_loopback_no_certificate_is_needed(serve: Serve, fleet: Fleet) -> None:
    settings = fleet.settings(fleet.authority.issue("host-a"))
    async with serve(private={"/sessions": echo}, tls=server_context(settings)) as address:
        assert status(await say(address, get("/sessions"), anonymous(fleet))) == 200


@pytest.mark.parametrize("kind", ["of another CA", "expired"])
async def test_bad_client_certificates_are_turned_away(
    serve: Serve, fleet: Fleet, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad = Authority(tmp_path, "other").issue("x") if kind == "of another CA" else fleet.authority.issue("x", days=-1)
    settings = fleet.settings(fleet.authority.issue("host-a"))
    async with serve(private={"/sessions": echo}, tls=server_context(settings)) as address:
        with pytest.raises(
            StatusError,
            match=rf"cannot ask {address} for /sessions: (TLS failed: |Connection|.*may not trust the cert)",
        ):
            await StatusClient(presenting(fleet, bad)).get(address, "/sessions", 20)
        assert status(await say(address, get("/sessions"), anonymous(fleet))) == 200
    assert not caplog.records


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("of another CA", "unable to get local issuer certificate"),
        ("expired", "certificate has expired"),
        ("of another address", "IP address mismatch"),
    ],
)
async def test_bad_server_certificates_are_named(
    serve: Serve, fleet: Fleet, tmp_path: Path, kind: str, cause: str
) -> None:
    match kind:
        case "of another CA":
            pair = Authority(tmp_path, "other").issue("x")
        case "expired":
            pair = fleet.authority.issue("x", days=-1)
        case _:
            pair = fleet.authority.issue("x", address="192.0.2.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    ask = StatusClient(client_context(fleet.settings(fleet.authority.issue("controlplane"))))
    async with serve(tls=context) as address:
        with pytest.raises(StatusError, match=f"cannot ask {address} for /healthz: its certificate .*: .*{cause}"):
            await ask.get(address, "/healthz", 20)


async def test_plain_and_tls_do_not_mix(serve: Serve, fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    settings = fleet.settings(fleet.authority.issue("host-a"))
    async with serve(tls=server_context(settings)) as address:
        with pytest.raises(StatusError, match="cannot ask"):
            await StatusClient(None).get(address, "/healthz", 20)
        assert status(await say(address, get("/healthz"), anonymous(fleet))) == 200
    async with serve() as address:
        with pytest.raises(StatusError, match="TLS failed"):
            await StatusClient(anonymous(fleet)).get(address, "/healthz", 20)
        assert status(await say(address, get("/healthz"))) == 200
    assert not caplog.records


async def test_a_handshake_that_stalls_is_cut(
    serve: Serve, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "HEAD_TIMEOUT", 3)
    settings = fleet.settings(fleet.authority.issue("host-a"))
    async with serve(tls=server_context(settings)) as address, connected(address) as (reader, _):
        assert status(await say(address, get("/healthz"), anonymous(fleet))) == 200
        async with asyncio.timeout(20):
            assert await reader.read() == b""
    assert not caplog.records
