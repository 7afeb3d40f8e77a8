"""A first session, as a stock Playwright script would hold it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from waypoint_lab.errors import LabError

PAGE = b"""<!doctype html><meta charset="utf-8"><title>WayPoint</title>
<style>body { font: 40px sans-serif; margin: 120px; color: #123 } button { font: inherit }</style>
<h1>A clean browser of your own</h1>
<button onclick="this.textContent = 'It works'">Click</button>"""


class Page(BaseHTTPRequestHandler):
    """Answers everything with the page."""

    def do_GET(self) -> None:
        """Send it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Say nothing."""


@contextmanager
def served(address: str) -> Iterator[str]:
    """The page's URL, on a free port of the address."""
    with ThreadingHTTPServer((address, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, name="page")
        thread.start()
        try:
            yield f"http://{address}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def hold(endpoint: str, page_address: str, screenshot: Path) -> str:
    """Open the page through the endpoint, click, write a screenshot; the browser's version. LabError if it fails."""
    try:
        with served(page_address) as url, sync_playwright() as playwright:
            browser = playwright.chromium.connect_over_cdp(endpoint)
            page = browser.new_page()
            page.goto(url)
            page.get_by_role("button").click()
            page.get_by_text("It works").wait_for()
            page.screenshot(path=screenshot)
            version = browser.version
            browser.close()
            return version
    except Error as error:
        raise LabError(
            f"cannot hold a session through {endpoint}: {error}; make shell, then journalctl, says more"
        ) from error
