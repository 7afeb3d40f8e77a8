"""The linters are tests: what they refuse does not land."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.timeout(900)


def run(*command: str | Path) -> None:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}  # cython-lint looks for another linter there
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"


def tracked(*patterns: str) -> Iterator[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return (ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file())


def is_shell(file: Path) -> bool:
    first, _, _ = file.read_bytes()[:100].partition(b"\n")
    return first.startswith(b"#!") and (b"bash" in first or b"/sh" in first)


def test_ruff() -> None:
    run(BIN / "ruff", "check", ".")


def test_format() -> None:
    run(BIN / "ruff", "format", "--check", ".")


def test_cython() -> None:
    sources = [*tracked("*.pyx", "*.pxd")]
    assert sources
    run(BIN / "cython-lint", "--max-line-length=120", *sources)


def test_types() -> None:
    run(BIN / "mypy")


def test_import_contracts() -> None:
    run(BIN / "lint-imports")


def test_shell() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed; make test installs it")
    scripts = [file for file in tracked() if is_shell(file)]
    assert scripts
    run("shellcheck", *scripts)


def test_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` on a copy below another root, where the programs that the units name exist."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed on this machine")
    units = [file for file in tracked("systemd", "lab") if file.suffix in {".service", ".socket", ".slice", ".target"}]
    assert units
    for program in named_programs(units):
        there = tmp_path / (program.lstrip("/") if "/" in program else f"usr/bin/{program}")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text("#!/bin/sh\n")
        there.chmod(0o755)
    place = tmp_path / "etc/systemd/system"
    place.mkdir(parents=True)
    for unit in units:
        shutil.copy(unit, place)
    names = [place / f"{unit.stem}0{unit.suffix}" if unit.stem.endswith("@") else place / unit.name for unit in units]
    done = subprocess.run(
        [
            "systemd-analyze",
            "verify",
            "--man=no",
            "--recursive-errors=no",
            f"--root={tmp_path}",
            *(n.name for n in names),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip(), done.stderr


def named_programs(units: list[Path]) -> set[str]:
    lines = [line for unit in units for line in unit.read_text().splitlines() if line.startswith("Exec")]
    return {line.partition("=")[2].lstrip("-+!:@").split()[0] for line in lines if line.partition("=")[2]}


def test_man_pages() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed; make test installs it")
    pages = list(tracked("docs/man"))
    assert pages
    for page in pages:
        done = subprocess.run(
            ["groff", "-man", "-ww", "-z", "-Tutf8", page], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        assert not done.stderr, done.stderr


def test_every_man_page_that_a_unit_names_exists() -> None:
    pages = {page.name for page in tracked("docs/man")}
    named = {
        word.removeprefix("man:").replace("(", ".").rstrip(")")
        for unit in tracked("systemd")
        for line in unit.read_text().splitlines()
        if line.startswith("Documentation=")
        for word in line.partition("=")[2].split()
    }
    assert named
    assert named <= pages
