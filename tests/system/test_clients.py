"""Stock clients, unmodified, each in a process of its own."""

import fcntl
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from system.fleet import Fleet

CLIENTS = Path(__file__).parent / "clients"
SAW = {
    "title": "Form",
    "clicks": "1",
    "typed": "Hello Ada",
    "screenshot": "PNG",
    "pdf": "%PDF",
    "download": {"name": "report.txt", "failure": None},
    "cookies": ["first=1", "second=1"],
}
"""Measured with each of them on a Chromium directly, with a file system of its own."""


@pytest.fixture(scope="session")
def node_modules() -> None:
    """The Node clients, as the lock file has them."""
    lock = (CLIENTS / "package-lock.json").read_bytes()
    stamp = CLIENTS / "node_modules" / f".installed-{hashlib.sha256(lock).hexdigest()[:16]}"
    with (CLIENTS / "package.json").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not stamp.exists():
            subprocess.run(["npm", "ci", "--loglevel=error"], cwd=CLIENTS, check=True)
            stamp.touch()


def run(*argv: str) -> dict[str, object]:
    program = {".py": sys.executable, ".js": "node"}[Path(argv[0]).suffix]
    done = subprocess.run([program, *argv], cwd=CLIENTS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["http", "ws"])
def test_playwright_for_python(fleet: Fleet, site: str, kind: str) -> None:
    assert run("playwright_python.py", getattr(fleet, kind), site) == SAW


@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("kind", ["http", "ws"])
def test_playwright_for_node(fleet: Fleet, site: str, kind: str) -> None:
    assert run("playwright_node.js", getattr(fleet, kind), site) == SAW


@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("ending", ["close", "disconnect"])
@pytest.mark.parametrize("kind", ["http", "ws"])
def test_puppeteer(fleet: Fleet, site: str, kind: str, ending: str) -> None:
    assert run("puppeteer.js", getattr(fleet, kind), site, ending) == SAW


@pytest.mark.parametrize("kind", ["http", "ws"])
def test_browser_use(fleet: Fleet, site: str, kind: str) -> None:
    assert run("cdp_use_python.py", getattr(fleet, kind), site) == SAW
