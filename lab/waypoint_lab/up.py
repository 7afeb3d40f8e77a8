"""`up`: a fleet of one host on this machine's network, proven by a session."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import click

from waypoint_lab import session
from waypoint_lab.errors import LabError
from waypoint_lab.host import Host
from waypoint_lab.lifecycle import remove
from waypoint_lab.paths import REPOSITORY, SCREENSHOT
from waypoint_lab.ports import check_free
from waypoint_lab.record import find
from waypoint_lab.warm import wait_warm

NAME = "waypoint"
SLOTS = 4
ENDPOINT = "http://127.0.0.1:9222"
TZAFONWRIGHT = "ws://127.0.0.1:1337"
PORTS = (9222, 1337, 2379, 2380, 50052, 9301, 9302, 9303, 9304, *range(20000, 20000 + SLOTS))
READY = f"""
  connect        {ENDPOINT}
    Playwright   playwright.chromium.connect_over_cdp("{ENDPOINT}")
    Puppeteer    puppeteer.connect({{ browserURL: "{ENDPOINT}" }})
    tzafonwright TzafonWrightClient("{TZAFONWRIGHT}"), after pip install ./tzafonwright
    first page   {SCREENSHOT.relative_to(REPOSITORY)}
  administer     .venv/bin/waypointctl get hosts, top, events -w, ...; or in make shell: waypointctl, with doctor too
  look around    make status, or make shell and there:
    units        systemctl list-units 'waypoint*' etcd.service
    journal      journalctl -f -u 'waypoint-*'
    registry     etcdctl get --prefix /waypoint/v1/
    metrics      curl http://127.0.0.1:9301/metrics (agent; proxy 9302, control plane 9303, tzafonwright 9304)
  remove it      make down"""


def up() -> None:
    """Boot, or find it booted; then prove that it works."""
    host = _running() or _boot()
    with step("proxy", f"answers {ENDPOINT}/json/version"):
        _ask_version()
    with step("control plane", "leads"):
        _wait_led(host)
    with step("browsers", f"{SLOTS} are warm"):
        wait_warm(host, SLOTS, 30)
    with step("session", "Playwright opens a page, clicks, takes a screenshot"):
        session.hold(ENDPOINT, "127.0.0.1", SCREENSHOT)
    click.echo(READY)


@contextmanager
def step(name: str, what: str) -> Iterator[None]:
    """One line of progress: what is being done, then how long it took."""
    click.echo(f"  {name:<14} {what} ... ", nl=False)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        click.echo("failed")
        raise
    click.echo(f"{time.monotonic() - began:.1f} s")


def _running() -> Host | None:
    record = find(NAME)
    if record is None:
        return None
    try:
        host = Host.attach(NAME)
    except LabError:
        with step("clean", "what a killed one left behind"):
            remove(record)
        return None
    click.echo("  boot           is up already")
    return host


def _boot() -> Host:
    check_free(PORTS)
    with step("boot", "systemd with etcd, agent, proxy, control plane and tzafonwright as units"):
        return Host.boot(NAME, slots=SLOTS, network="machine", outlive=True)


def _wait_led(host: Host) -> None:
    """A leader acts a lease's time after its election, but it is there at once."""
    done = host.run("waypointctl", "status", "--wait-leader", "--timeout", "30", check=False)
    if done.returncode:
        raise LabError(f"no control plane leads: {done.stderr.strip()}; make shell, then waypointctl doctor")


def _ask_version() -> None:
    try:
        with urllib.request.urlopen(f"{ENDPOINT}/json/version", timeout=30) as answer:
            answer.read()
    except (urllib.error.URLError, TimeoutError) as error:
        raise LabError(
            f"cannot get {ENDPOINT}/json/version: {error}; make shell, then journalctl -u waypoint-proxy"
        ) from error
