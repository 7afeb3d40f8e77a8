"""Clusters and registries for the tests of the etcd client."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from functional.etcd.cluster import Cluster, running
from waypoint_core.etcd import EtcdRegistry


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Cluster]:
    """One member, for this test alone."""
    with running(tmp_path) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One member that nobody harms; each test uses keys of its own."""
    with running(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Cluster]:
    """Three members."""
    with running(tmp_path, size=3) as cluster:
        yield cluster


@pytest.fixture
async def registry(etcd: Cluster) -> AsyncIterator[EtcdRegistry]:
    """A client of `etcd`."""
    async with EtcdRegistry.connect(etcd.settings()) as registry:
        yield registry


@pytest.fixture
async def clock(shared_etcd: Cluster) -> AsyncIterator[EtcdRegistry]:
    """A registry that stays, to tell the time by while another one is away: see `following.ran_out`."""
    async with EtcdRegistry.connect(shared_etcd.settings()) as registry:
        yield registry


@pytest.fixture
def run_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Starts clusters with options, which end with the test."""
    with contextlib.ExitStack() as stack:

        def run(**options: Any) -> Cluster:
            return stack.enter_context(running(tmp_path / str(len(list(tmp_path.iterdir()))), **options))

        yield run
