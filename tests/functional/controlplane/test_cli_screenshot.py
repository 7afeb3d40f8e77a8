"""waypointctl screenshot with a real browser behind the session's URL."""

import http.server
import json
import socket
import struct
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from functional.browser.launcher import launched
from functional.controlplane.cli_running import waypointctl
from unit.controlplane.cli.fake import Fleet, serving

_PAGES = {
    "/": "<body style='margin:0;background:#f00'>short</body>",
    "/long": "<body style='margin:0'><div style='height:3000px;background:#0f0'>long</div></body>",
    "/slow": "<img src=/never>",
}


class _Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/never":
            self.server.ends.wait(60)  # type: ignore[attr-defined]
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(_PAGES[self.path].encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    server.ends = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.ends.set()  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def plane() -> Iterator[str]:
    """A control plane whose sessions lead to a browser; its address."""
    with launched() as browser:
        with urllib.request.urlopen(f"{browser.url}/json/version") as answer:
            url = json.load(answer)["webSocketDebuggerUrl"]
        with serving(Fleet(session_url=url)) as address:
            yield f"{address},{address}"  # of which each has 3 s to say that it serves


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_picture(plane: str, site: str, tmp_path: Path) -> None:
    file = tmp_path / "page.png"
    result = waypointctl("screenshot", f"http://{site}/", "-O", str(file), servers=plane)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"{file}: ")
    width, height = size(file.read_bytes())
    assert width > 100
    assert height < 3000


def test_full_page(plane: str, site: str, tmp_path: Path) -> None:
    file = tmp_path / "page.png"
    words = ("screenshot", f"{site}/long", "-O", str(file), "--full-page", "-o", "json")
    result = waypointctl(*words, servers=plane)
    assert result.returncode == 0, result.stderr
    assert size(file.read_bytes())[1] == 3000
    assert json.loads(result.stdout)["url"] == f"http://{site}/long"


def test_page_that_does_not_load_in_time(plane: str, site: str, tmp_path: Path) -> None:
    result = waypointctl(
        "screenshot", f"{site}/slow", "-O", str(tmp_path / "x.png"), "--load-timeout", "8s", servers=plane
    )
    assert result.returncode == 7
    assert f"cannot wait longer for http://{site}/slow to load" in result.stderr


def test_page_that_is_not_there(plane: str, tmp_path: Path) -> None:
    result = waypointctl("screenshot", "http://127.0.0.1:1/", "-O", str(tmp_path / "x.png"), servers=plane)
    assert result.returncode == 1
    assert "cannot load http://127.0.0.1:1/: net::ERR_" in result.stderr


def test_file_that_cannot_be_written(plane: str, site: str) -> None:
    result = waypointctl("screenshot", f"http://{site}/", "-O", "/nowhere/x.png", servers=plane)
    assert result.returncode == 1
    assert "cannot write the picture: [Errno 2]" in result.stderr


def test_browser_that_is_gone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with serving(Fleet(session_url=f"ws://127.0.0.1:{port}/devtools/browser/x")) as plane:
        result = waypointctl("screenshot", "http://a/", "-O", str(tmp_path / "x.png"), servers=plane)
    assert result.returncode == 1
    assert f"cannot connect to ws://127.0.0.1:{port}/devtools/browser/x" in result.stderr
