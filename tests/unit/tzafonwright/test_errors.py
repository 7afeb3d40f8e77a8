"""What a close reason means, and what Playwright's words mean."""

import pytest
from playwright.async_api import Error, TimeoutError  # noqa: A004 - Playwright's own

from tzafonwright import actions
from tzafonwright.errors import (
    BrowserLost,
    BrowserOutOfMemory,
    Code,
    ConnectionLost,
    ServerLost,
    SessionLost,
    session_lost,
)
from tzafonwright.server.failures import one_line, refusal, repeatable


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("", ConnectionLost),
        ("proxy is stopping", ConnectionLost),
        ("server is stopping", ServerLost),
        ("server: the browser driver ended (killed by signal 9)", ServerLost),
        ("browser closed the connection", BrowserLost),
        ("browser crashed: killed by signal 9 (SIGKILL)", BrowserLost),
        ("browser out of memory: 2.0 GiB", BrowserOutOfMemory),
    ],
)
def test_lost(reason: str, kind: type[SessionLost]) -> None:
    found = session_lost("click", 1011, reason)
    assert type(found) is kind
    assert str(found).startswith(f"cannot click: {reason or 'the connection broke'}")


CLICK = actions.Click(target="#a")
COVERED = """Locator.click: Timeout 500ms exceeded.
Call log:
  - waiting for locator("#a")
    - locator resolved to <button id=a>
  - attempting click action
    - waiting for element to be visible, enabled and stable
    - <div id="overlay">Wait</div> intercepts pointer events
  - retrying click action
"""


@pytest.mark.parametrize(
    ("error", "action", "code", "words"),
    [
        (TimeoutError(COVERED), CLICK, Code.NOT_ACTIONABLE, 'another element covers it: <div id="overlay">Wait</div>'),
        (TimeoutError('Timeout 5ms\nCall log:\n  - waiting for locator("#a")'), CLICK, Code.NOT_FOUND, "no element"),
        (TimeoutError("Timeout 5ms exceeded."), actions.Goto(url="u"), Code.TIMEOUT, "not done within 2 s"),
        (
            TimeoutError('Timeout 5ms\nCall log:\n  - waiting for locator("#a")'),
            actions.WaitFor(target="#a"),
            Code.TIMEOUT,
            "not done",
        ),
        (
            Error('Locator.click: Error: strict mode violation: locator("a") resolved to 3 elements:\n  1) <a>'),
            CLICK,
            Code.AMBIGUOUS,
            '3 elements match locator("a")',
        ),
        (
            Error("Page.goto: net::ERR_CONNECTION_REFUSED at http://a/"),
            CLICK,
            Code.NAVIGATION,
            "ERR_CONNECTION_REFUSED",
        ),
        (Error("Page.evaluate: Execution context was destroyed, most likely"), CLICK, Code.NAVIGATION, "went away"),
        (Error("Page.evaluate: Error: boom\n    at eval"), actions.Evaluate(expression="a"), Code.SCRIPT, "boom"),
        (Error("Page.evaluate: Target crashed "), CLICK, Code.CLOSED, "crashed"),
        (Error('Keyboard.press: Unknown key: "Foo"'), CLICK, Code.INVALID, 'Unknown key: "Foo"'),
        (Error("Locator.fill: Error: Element is not an <input>\nCall log:"), CLICK, Code.NOT_ACTIONABLE, "is not an"),
        (Error("Page.pdf: something new\nCall log:\n  - secret"), actions.Pdf(), Code.FAILED, "something new"),
    ],
)
def test_refusals(error: Error, action: actions.Action, code: Code, words: str) -> None:
    found = refusal(error, action, 2)
    assert found.code is code
    assert words in found.message
    assert "\n" not in found.message
    assert "Call log" not in found.message


def test_which_are_repeated() -> None:
    assert repeatable(Error("Page.title: Execution context was destroyed"))
    assert not repeatable(Error("Page.title: Target crashed"))


def test_messages_are_one_short_line() -> None:
    assert one_line("Locator.click: Error: " + "x" * 1000 + "\nCall log") == "x" * 299 + "…"
