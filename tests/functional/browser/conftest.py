"""A browser of its own for each test, started by the launcher."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser as Client
from playwright.async_api import BrowserContext, Page, async_playwright

from functional.browser.launcher import CHROMIUM, Browser, launched
from functional.browser.pages import Sites, serving


@pytest.fixture
def browser() -> Iterator[Browser]:
    if os.geteuid() != 0 or not Path(CHROMIUM).exists():
        pytest.skip(f"needs root, to become another user, and {CHROMIUM}")
    with launched() as browser:
        yield browser


@pytest.fixture
async def client(browser: Browser) -> AsyncIterator[Client]:
    async with async_playwright() as playwright:
        client = await playwright.chromium.connect_over_cdp(browser.url)
        yield client
        await client.close()


@pytest.fixture(params=["default context", "new context"])
async def context(request: pytest.FixtureRequest, client: Client) -> BrowserContext:
    """Puppeteer's pages live in the default context, which is on disk; Playwright's in new ones, which are not."""
    return client.contexts[0] if request.param == "default context" else await client.new_context()


@pytest.fixture
async def page(context: BrowserContext) -> Page:
    return await context.new_page()


@pytest.fixture
def sites() -> Iterator[Sites]:
    with serving() as sites:
        yield sites
