"""A real etcd for control planes, and keys that each test has for itself."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from functional.controlplane.administering import Administered, administered
from functional.controlplane.leading import Stage
from functional.controlplane.managing import Managing, managing
from functional.etcd.cluster import Cluster, running
from waypoint_controlplane.serve import settle, wanted, write
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.keys import Keys

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One member that nobody harms; each test uses a prefix of its own."""
    with running(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


@pytest.fixture
async def registry(shared_etcd: Cluster) -> AsyncIterator[EtcdRegistry]:
    """A client of `shared_etcd`."""
    async with EtcdRegistry.connect(shared_etcd.settings()) as registry:
        yield registry


@pytest.fixture
def keys() -> Keys:
    """The schema below a prefix that no other test uses."""
    return Keys(f"/test{next(_NUMBERS)}/")


@pytest.fixture
async def stage(shared_etcd: Cluster, registry: EtcdRegistry) -> AsyncIterator[Stage]:
    """Control planes that lead, here and in processes of their own."""
    async with contextlib.aclosing(Stage.on(shared_etcd, registry)) as stages:
        async for stage in stages:
            yield stage


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that are slow to catch up are waited for, and so is a proxy that is slow to obey."""
    monkeypatch.setattr(write, "_CATCH_UP", 20.0)
    monkeypatch.setattr(wanted, "_CATCH_UP", 20.0)
    monkeypatch.setattr(settle, "PATIENCE", 30.0)


@pytest.fixture
async def member(registry: EtcdRegistry, keys: Keys, patient: None) -> AsyncIterator[Administered]:
    """A control plane that serves administrators."""
    async with administered(registry, keys) as member:
        yield member


@pytest.fixture
async def managed(registry: EtcdRegistry, keys: Keys, patient: None) -> AsyncIterator[Managing]:
    """Control planes that serve the instance manager, and what agents and proxies write for it."""
    async with contextlib.aclosing(managing(registry, keys)) as stages:
        async for stage in stages:
            yield stage
