"""Running a script in a page, and taking what it gives, as JSON has it."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from playwright.async_api import Error, Frame, Page

from tzafonwright.server.devtools import PageTools

# JSON.stringify is not used: pages break it, old libraries among them. toJSON is the page's own word.
_RUN = r"""
async ([expression, argument]) => {
  const above = new Set();
  const plain = value => {
    switch (typeof value) {
      case 'number': return Number.isFinite(value) ? value + 0 : null;
      case 'bigint':
        if (!Number.isSafeInteger(Number(value))) throw new TypeError(`what it gives is no JSON: ${value}n`);
        return Number(value);
      case 'symbol': case 'function': return undefined;
      case 'object': break;
      default: return value;
    }
    if (value === null) return null;
    if (value === globalThis) return 'ref: <Window>';
    if (value instanceof Node) return value instanceof Document ? 'ref: <Document>' : 'ref: <Node>';
    if (above.has(value)) throw new TypeError('what it gives is no JSON: it contains itself');
    above.add(value);
    let made;
    if (Array.isArray(value)) made = Array.from(value, one => plain(one) ?? null);
    else if (typeof value.toJSON === 'function') made = plain(value.toJSON());
    else {
      made = Object.create(null);
      for (const key of Object.keys(value)) {
        const one = plain(value[key]);
        if (one !== undefined) made[key] = one;
      }
    }
    above.delete(value);
    return made;
  };
  const called = /^\s*(async\s+)?function\b/.test(expression) ? `(${expression})` : expression;
  const given = (0, eval)(called);
  return plain(await (typeof given === 'function' ? given(argument) : given));
}
"""
_PARSED = """() => new Promise(done => {
  if (document.readyState !== 'loading') done();
  else document.addEventListener('DOMContentLoaded', () => done(), { once: true });
})"""


class _Thrown(msgspec.Struct):
    description: str = ""
    value: Any = None


class _Exception(msgspec.Struct):
    text: str
    exception: _Thrown = msgspec.field(default_factory=_Thrown)


class _Value(msgspec.Struct):
    value: Any = None


class _Evaluated(msgspec.Struct):
    result: _Value
    exception: _Exception | None = msgspec.field(default=None, name="exceptionDetails")


async def run(devtools: PageTools, expression: str, argument: Any = None) -> Any:
    """In the main frame of a page, on its document of the moment. Playwright's Error when it throws."""
    given = msgspec.json.encode([expression, argument]).decode()
    request = {
        "uniqueContextId": await devtools.context(),
        "expression": f"({_RUN})({given})",
        "awaitPromise": True,
        "returnByValue": True,
        "userGesture": True,
    }
    evaluated = await devtools.call("Runtime.evaluate", request, _Evaluated)
    if thrown := evaluated.exception:
        what = thrown.exception
        raise Error(what.description or str(what.value or thrown.text))
    return evaluated.result.value


async def parsed(devtools: PageTools) -> None:
    """Waits until the document is all there; which is not said of one that goes away meanwhile."""
    with contextlib.suppress(Error):
        await run(devtools, _PARSED)


async def run_in(frame: Frame | Page, expression: str, argument: Any = None) -> Any:
    """The same in any frame, by way of the driver."""
    return await frame.evaluate(_RUN, [expression, argument])
