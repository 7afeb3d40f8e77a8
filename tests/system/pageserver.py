"""A small web site for sessions to visit, served from this side of the host's cable.

/form.html, /blank.html    the files in pages/
/big                       3 MB of text in one page
/file                      an attachment, report.txt, with the text after `?`
/cookie                    sets a cookie, `mark`, to the text after `?`
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

BIG = 3_000_000
FILE_NAME = "report.txt"
FILE_TEXT = "quarterly figures"
_PAGES = Path(__file__).parent / "pages"


@contextmanager
def serving(address: str) -> Iterator[str]:
    """The site's URL, without a slash at its end, for as long as the block runs."""
    with ThreadingHTTPServer((address, 0), _Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="pages")
        thread.start()
        try:
            yield f"http://{address}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        given = unquote(url.query)
        page = _PAGES / url.path.lstrip("/")
        match url.path:
            case "/big":
                self._answer(200, b"<!doctype html><title>Big</title><pre>" + b"x" * BIG)
            case "/file":
                disposition = f'attachment; filename="{FILE_NAME}"'
                text = (given or FILE_TEXT).encode()
                self._answer(200, text, "text/plain", {"Content-Disposition": disposition})
            case "/cookie":
                self._answer(200, b"<!doctype html><title>Cookie</title>", extra={"Set-Cookie": f"mark={given}"})
            case _ if page.parent == _PAGES and page.is_file():
                self._answer(200, page.read_bytes())
            case _:
                self._answer(404, b"no such page", "text/plain")

    def _answer(self, status: int, body: bytes, kind: str = "text/html", extra: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": len(body),
            **(extra or {}),
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
