"""Documents that are made from the code are as the code makes them now."""

import asyncio
from pathlib import Path

import pytest

from waypoint_core import config
from waypoint_lab import metrics_page

ROOT = Path(__file__).parents[2]


def test_metrics_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "a")
    assert (ROOT / "docs/metrics.md").read_text() == asyncio.run(metrics_page.text()), "run: make metrics"


def test_sample_settings() -> None:
    assert (ROOT / "packaging/waypoint.toml").read_text() == config.sample(), "run: make sample"
