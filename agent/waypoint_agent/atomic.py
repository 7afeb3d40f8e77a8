"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write(path: Path, content: str) -> None:
    """Everyone may read it; who does so sees the old content or the new. OSError when the disk refuses."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(content)
    fresh.chmod(0o644)
    fresh.replace(path)
