"""Units beside each other: who may open what, and which sockets reach the proxy."""

import subprocess
from collections.abc import Iterator

import pytest

from system.fleet import Fleet
from waypoint_lab import Host

USER = "waypoint-tzafonwright"
EDGES = ("waypoint-proxy.socket", "waypoint-proxy-tzafonwright.socket")
CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"

HOLD = """
import socket, sys
held = socket.socket()
held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
held.bind(("0.0.0.0", 9222))
held.listen()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def edges(fleet: Fleet) -> Iterator[Host]:
    """With both edges, also afterwards."""
    yield fleet.host
    fleet.host.run("systemctl", "enable", "--quiet", *EDGES)
    fleet.host.run("systemctl", "restart", "waypoint-proxy.service")
    assert active(fleet.host) == ["active", "active"]


def active(host: Host) -> list[str]:
    return host.run("systemctl", "is-active", *EDGES, check=False).stdout.split()


def passed(host: Host) -> str:
    """The names of the sockets that systemd gave to the proxy."""
    pid = host.run("systemctl", "show", "-P", "MainPID", "waypoint-proxy.service").stdout.strip()
    names = host.run("grep", "-az", "^LISTEN_FDNAMES=", f"/proc/{pid}/environ").stdout
    return names.partition("=")[2].rstrip("\0")


@pytest.mark.parametrize("socket", ["hold.sock", "tzafonwright.sock"])
def test_only_the_proxy_and_the_agent_open_the_sockets(fleet: Fleet, socket: str) -> None:
    def connect(user: str) -> str:
        group = fleet.host.run("id", "-gn", user).stdout.strip()
        who = ["setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups"]
        return fleet.host.run(*who, "/usr/bin/python3", "-c", CONNECT, f"/run/waypoint/{socket}", check=False).stderr

    assert connect("waypoint-proxy") == ""
    for user in (USER, "waypoint-controlplane", "nobody"):
        assert "Permission denied" in connect(user)


def test_tzafonwright_reads_no_settings(fleet: Fleet) -> None:
    pid = fleet.host.run("systemctl", "show", "-P", "MainPID", f"{USER}.service").stdout.strip()
    inside = ["nsenter", f"--target={pid}", "--mount", "setpriv", f"--reuid={USER}", "--clear-groups"]
    for folder in ("/etc/waypoint", "/etc/waypoint/tls", "/run/waypoint/slots"):
        assert fleet.host.run("ls", folder).stdout
        assert fleet.host.run(*inside, "ls", folder, check=False).returncode


def test_the_proxy_gets_both_edges_however_it_is_started(edges: Host) -> None:
    edges.run("systemctl", "stop", *EDGES, "waypoint-proxy.service")
    assert active(edges) == ["inactive", "inactive"]
    edges.run("systemctl", "start", "waypoint-proxy.service")
    assert active(edges) == ["active", "active"]
    assert sorted(passed(edges).split(":")) == ["cdp", "tzafonwright"]


def test_a_restart_opens_the_edge_while_a_fork_of_systemd_still_holds_it(edges: Host) -> None:
    command = edges.command("/usr/bin/python3", "-c", HOLD)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as fork:
        assert fork.stdout
        assert fork.stdout.readline() == "held\n"
        edges.run("systemctl", "restart", "waypoint.target")
        assert active(edges) == ["active", "active"]
        fork.communicate()


def test_an_edge_that_is_disabled_stays_closed(edges: Host) -> None:
    edges.run("systemctl", "disable", "--now", "--quiet", EDGES[1])
    edges.run("systemctl", "restart", "waypoint-proxy.service")
    edges.run("systemctl", "restart", "waypoint.target")
    assert active(edges) == ["active", "inactive"]
    assert passed(edges) == "cdp"


def test_disabling_its_socket_disables_tzafonwright(fleet: Fleet) -> None:
    units = (f"{USER}.socket", f"{USER}.service")
    try:
        fleet.host.run("systemctl", "disable", "--now", "--quiet", units[0])
        fleet.host.run("systemctl", "restart", "waypoint.target")
        states = fleet.host.run("systemctl", "is-active", *units, check=False).stdout.split()
    finally:
        fleet.host.run("systemctl", "enable", "--now", "--quiet", units[0])
        fleet.host.run("systemctl", "start", "waypoint.target")
    assert states == ["inactive", "inactive"]
    assert fleet.host.run("systemctl", "is-active", *units).stdout.split() == ["active", "active"]
