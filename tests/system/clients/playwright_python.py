"""Playwright for Python: playwright_python.py ENDPOINT SITE."""

import json
import sys

from playwright.sync_api import Browser, sync_playwright


def main(endpoint: str, site: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(endpoint)
        print(json.dumps(visit(browser, site)))
        browser.close()


def visit(browser: Browser, site: str) -> dict[str, object]:
    page = browser.new_page()
    page.goto(f"{site}/form.html")
    page.click("#count")
    page.type("#name", "Ada")
    with page.expect_download() as expected:
        page.click("#file")
    download = expected.value
    return {
        "title": page.title(),
        "clicks": page.inner_text("#count"),
        "typed": page.inner_text("#greeting"),
        "screenshot": page.screenshot()[1:4].decode(),
        "pdf": page.pdf()[:4].decode(),
        "download": {"name": download.suggested_filename, "failure": download.failure()},
        "cookies": [cookies_of(browser, site, mark) for mark in ("first", "second")],
    }


def cookies_of(browser: Browser, site: str, mark: str) -> str:
    """What a context of its own sees after it was given one cookie; contexts stay open beside each other."""
    page = browser.new_context().new_page()
    page.goto(f"{site}/blank.html")
    return page.evaluate("mark => { document.cookie = `${mark}=1`; return document.cookie }", mark)


main(*sys.argv[1:])
