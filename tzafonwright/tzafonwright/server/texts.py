"""Texts of pages, which may hold what JSON cannot."""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """Without halves of characters: JavaScript makes them where it cuts a text in the middle of an emoji."""
    return _HALF.sub("\ufffd", text)
