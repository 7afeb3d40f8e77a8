"""Every example of docs/tzafonwright.md is executed, and there is one for every method."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from system.tzafonwright.conftest import edge_of
from tzafonwright import TzafonWrightClient

DOCUMENT = (Path(__file__).parents[3] / "docs/tzafonwright.md").read_text()


def examples() -> Iterator[object]:
    for found in re.finditer(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL):
        heading = re.findall(r"^#+ (.*)$", DOCUMENT[: found.start()], re.MULTILINE)[-1]
        yield pytest.param(found[1], id=heading)


@pytest.mark.parametrize("example", list(examples()))
async def test_example(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    edge = edge_of(request.getfixturevalue("desktops" if 'switch_context("desktop")' in example else "host"))
    code = example.replace("ws://127.0.0.1:1337", edge)
    if "await tw" not in code or "asyncio.run(" in code:
        names = {"asyncio": asyncio, "TzafonWrightClient": TzafonWrightClient}
        if "await " not in code or "asyncio.run(" in code:
            return await asyncio.to_thread(exec, compile(code, "a program", "exec"), {"__name__": "__main__"})
        return await run(code, names)
    async with TzafonWrightClient(edge, timeout=60, connect_timeout=90) as tw:
        await tw.goto("http://shop.example/")
        await run(code, {"asyncio": asyncio, "tw": tw})
    return None


async def run(code: str, names: dict[str, object]) -> None:
    compiled = compile(code, "an example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    await types.FunctionType(compiled, names)()


def test_every_method_has_an_example() -> None:
    methods = {name for name, _ in inspect.getmembers(TzafonWrightClient, inspect.isfunction) if name[0] != "_"}
    code = "\n".join(found[1] for found in re.finditer(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL))
    assert {name for name in methods if f".{name}(" not in code} == set()
