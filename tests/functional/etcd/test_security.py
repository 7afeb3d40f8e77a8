"""Certificates and passwords, right and wrong, against a real etcd."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functional.etcd.certificates import Authority
from functional.etcd.cluster import Cluster, running
from functional.etcd.following import changes, take, until
from waypoint_core.errors import ConfigError, RegistryRefused, RegistryUnavailable
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.endpoints import Endpoints
from waypoint_core.etcd.methods import STATUS
from waypoint_core.registry import Stale, Synced
from waypoint_core.settings import EtcdSettings


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def secure(tmp_path: Path, authority: Authority) -> Iterator[Cluster]:
    """One member that asks its clients for a certificate."""
    server = authority.issue("server")
    options = [
        *("--cert-file", str(server.certificate), "--key-file", str(server.key)),
        *("--client-cert-auth", "--trusted-ca-file", str(authority.certificate)),
    ]
    with running(tmp_path / "etcd", options=options, scheme="https") as cluster:
        yield cluster


async def test_mutual_tls(secure: Cluster, authority: Authority) -> None:
    client = authority.issue("client")
    settings = secure.settings(
        ca_file=str(authority.certificate), cert_file=str(client.certificate), key_file=str(client.key)
    )
    async with EtcdRegistry.connect(settings) as registry, registry.watch("/w/") as events:
        await until(events, Synced)
        await registry.put("/w/a", b"1")
        assert changes(await take(events, 1)) == [("/w/a", b"1")]


@pytest.mark.parametrize("wrong", ["no certificate", "certificate of another CA", "etcd under another CA"])
async def test_a_wrong_certificate_is_named(secure: Cluster, authority: Authority, tmp_path: Path, wrong: str) -> None:
    stranger = Authority(tmp_path, "stranger")
    client = (stranger if wrong == "certificate of another CA" else authority).issue("client")
    certificate = (
        {} if wrong == "no certificate" else {"cert_file": str(client.certificate), "key_file": str(client.key)}
    )
    ca = (stranger if wrong == "etcd under another CA" else authority).certificate
    async with Endpoints.open(secure.settings(ca_file=str(ca), **certificate)) as endpoints:
        with pytest.raises(RegistryUnavailable, match=r"^cannot .* certificate"):
            await endpoints.ask(endpoints.current, STATUS, pb.StatusRequest())


async def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = EtcdSettings(endpoints=("https://127.0.0.1:1",), ca_file=str(tmp_path / "nothing.crt"))
    with pytest.raises(ConfigError, match=r"cannot read certificate .*nothing\.crt: No such file.*; see etcd\.ca_file"):
        async with EtcdRegistry.connect(settings):
            pass


def text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


@pytest.fixture
def guarded(etcd: Cluster) -> Cluster:
    """One member where user waypoint, password secret, may touch /w/ and nothing else."""
    grant(etcd)
    etcd.admin("auth/user/add", name="root", password="root")
    etcd.admin("auth/user/grant", user="root", role="root")
    etcd.admin("auth/enable")
    return etcd


def grant(etcd: Cluster) -> None:
    etcd.admin("auth/role/add", name="root")
    etcd.admin("auth/role/add", name="w")
    permission = {"permType": "READWRITE", "key": text("/w/"), "range_end": text("/w0")}
    etcd.admin("auth/role/grant", name="w", perm=permission)
    etcd.admin("auth/user/add", name="waypoint", password="secret")
    etcd.admin("auth/user/grant", user="waypoint", role="w")


def password(tmp_path: Path, word: str = "secret") -> dict[str, Any]:
    file = tmp_path / "password"
    file.write_text(word + "\n")
    return {"username": "waypoint", "password_file": str(file)}


async def test_a_user_reads_writes_and_watches_what_it_may(guarded: Cluster, tmp_path: Path) -> None:
    async with EtcdRegistry.connect(guarded.settings(**password(tmp_path))) as registry:
        async with registry.watch("/w/") as events:
            await until(events, Synced)
            lease = await registry.lease(20)
            await registry.put("/w/a", b"1", lease=lease.id)
            assert changes(await take(events, 1)) == [("/w/a", b"1")]
            await lease.revoke()
        with pytest.raises(RegistryRefused, match=r"cannot .*permission denied"):
            await registry.put("/elsewhere", b"")


async def test_a_token_that_is_no_longer_valid_is_replaced(guarded: Cluster, tmp_path: Path) -> None:
    """etcd forgets its tokens when it restarts."""
    async with EtcdRegistry.connect(guarded.settings(**password(tmp_path))) as registry:
        async with registry.watch("/w/") as events:
            await until(events, Synced)
            seen = []
            for number in range(2):
                guarded.kill()
                seen += await until(events, Stale)  # what is put over a connection before its end is noticed, is lost
                await asyncio.to_thread(guarded.start)
                await registry.put("/w/a", b"%d" % number)
                seen += await until(events, Synced)
            while len(changes(seen)) < 2:
                seen += await take(events, 1)
        assert changes(seen) == [("/w/a", b"0"), ("/w/a", b"1")]


async def test_a_wrong_password_is_refused(guarded: Cluster, tmp_path: Path) -> None:
    async with EtcdRegistry.connect(guarded.settings(**password(tmp_path, "wrong"))) as registry:
        with pytest.raises(RegistryRefused, match=r"cannot .*invalid user ID or password"):
            await registry.get("/w/a")


async def test_a_missing_password_is_refused(guarded: Cluster) -> None:
    async with EtcdRegistry.connect(guarded.settings()) as registry:
        with pytest.raises(RegistryRefused, match=r"cannot .*user name is empty"):
            await registry.get("/w/a")


async def test_a_needless_password_is_only_remarked(
    etcd: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with EtcdRegistry.connect(etcd.settings(**password(tmp_path))) as registry:
        await registry.put("/w/a", b"")
    assert "authentication is not enabled" in caplog.text


async def test_a_watch_waits_until_it_may(guarded: Cluster, tmp_path: Path) -> None:
    settings = guarded.settings(**password(tmp_path))
    async with EtcdRegistry.connect(settings) as registry, registry.watch("/other/") as events:
        (stale,) = await take(events, 1)
        assert isinstance(stale, Stale)
        assert "permission denied" in stale.reason
        with pytest.raises(TimeoutError):
            await take(events, 1, seconds=1)
