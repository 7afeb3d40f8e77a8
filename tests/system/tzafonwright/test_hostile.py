"""Ten steps on a page that is hostile on purpose: no sleep, no retry, no waiting but what is asked for."""

from __future__ import annotations

import os

import pytest

from tzafonwright import TzafonWrightClient

_RUNS = int(os.environ.get("HOSTILE_RUNS", "3"))


@pytest.mark.parametrize("run", range(_RUNS))
async def test_ten_steps(tw: TzafonWrightClient, shop: str, run: int) -> None:
    await tw.goto(f"{shop}/hostile", wait_until="domcontentloaded")
    await tw.click("#covered")  # under an overlay for a while, and its click opens a dialog
    await tw.screenshot()  # while a font does not come
    await tw.click("#moving")  # runs away
    await tw.click("#rerendered")  # is thrown away and made again
    await tw.fill("#field", "4111 1111")  # is disabled at first
    await tw.wait_for("text=data5000")  # 5 MB of it
    assert {"covered", "moving", "rerendered", "data5000"} <= set((await tw.text("#log")).split())
    await tw.click("text=Pay", frame="pay")  # in a frame that comes late, and what it does leads away twice
    assert (await tw.wait_for_url(f"{shop}/thanks")).title == "Thanks"
    assert [dialog.message for dialog in await tw.dialogs()] == ["An alert that nobody asked for"]
