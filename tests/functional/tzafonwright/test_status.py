"""The status endpoint of a running server."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from functional.tzafonwright.stage import daemon
from tzafonwright.server.status import bound


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with daemon(tmp_path_factory.mktemp("server"), "--status-listen", f"127.0.0.1:{port}"):
        yield f"http://127.0.0.1:{port}"


def test_prometheus_can_read_it(url: str) -> None:
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    [started] = families["waypoint_tzafonwright_driver_starts"].samples
    assert started.value == 1
    assert {"waypoint_build_info", "process_resident_memory_bytes", "python_gc_collections"} <= families.keys()


def test_it_says_that_it_is_well(url: str) -> None:
    with urllib.request.urlopen(f"{url}/healthz") as answer:
        assert answer.read() == b"ok\n"


def test_there_is_nothing_else(url: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        urllib.request.urlopen(f"{url}/sessions")
    refused.value.close()


def test_an_address_that_cannot_be_used_ends_the_server_with_one_line(url: str) -> None:
    for address in (url.removeprefix("http://"), "9304", "127.0.0.1:http", "127.0.0.1:70000"):
        with pytest.raises(SystemExit, match=f"cannot serve its status at {address}: "):
            bound(address)
    assert bound("") is None
