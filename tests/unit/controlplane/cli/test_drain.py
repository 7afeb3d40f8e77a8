"""A drain: its progress, its deadline, Ctrl-C, and a server that goes away."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from unit.controlplane.cli.conftest import Ctl
from unit.controlplane.cli.fake import NOON, Fleet, at, serving
from waypoint_controlplane.api import waypoint_pb2 as pb


def left(count: int, *, deadline: bool = True, drained: bool = False) -> pb.DrainProgress:
    progress = pb.DrainProgress(sessions_left=count, drained=drained, state=pb.HOST_STATE_DRAINING)
    if deadline:
        progress.deadline.CopyFrom(at(NOON))
    return progress


def test_lines_without_a_terminal(ctl: Ctl) -> None:
    ctl.fleet.drain = [left(3), left(3), left(1), left(0, drained=True)]
    assert ctl.says("drain", "a", "--deadline", "10m", "--reason", "kernel").splitlines() == [
        "host a: 3 sessions left, ended at 2026-02-02 02:40:00",
        "host a: 1 session left, ended at 2026-02-02 02:40:00",
        "host a: 0 sessions left, ended at 2026-02-02 02:40:00",
        "host a is drained; `waypointctl uncordon a` gives it sessions again",
    ]
    request = ctl.fleet.last(pb.DrainRequest)
    assert (request.name, request.deadline.seconds, request.reason) == ("a", 600, "kernel")


def test_bar_on_a_terminal(ctl: Ctl, on_terminal: Callable[[], None]) -> None:
    on_terminal()
    ctl.fleet.drain = [left(3), left(1), left(0, drained=True)]
    drawn = ctl.says("drain", "a").replace("\x1b[K", "").split("\r")
    assert [each.split("]")[0] + "]" for each in drawn[1:]] == [
        "[..............................]",
        "[####################..........]",
        "[##############################]",
    ]
    assert not ctl.fleet.last(pb.DrainRequest).HasField("deadline")


def test_objects_for_programs(ctl: Ctl) -> None:
    ctl.fleet.drain = [left(2, deadline=False), left(0, deadline=False, drained=True)]
    lines = [json.loads(line) for line in ctl.says("drain", "a", "-o", "json").splitlines()]
    assert [(each["sessions_left"], each["drained"]) for each in lines] == [(2, False), (0, True)]


def test_not_waiting(ctl: Ctl) -> None:
    ctl.fleet.drain = [left(3)]
    result = ctl("drain", "a", "--no-wait")
    assert result.exit_code == 0
    assert result.stdout == "host a: 3 sessions left, ended at 2026-02-02 02:40:00\n"
    assert "`waypointctl drain a` watches it again" in result.stderr


def test_taken_back_by_somebody(ctl: Ctl) -> None:
    ctl.fleet.drain = [left(3)]
    ctl.fleet.drain_goes_on.wait = lambda _=None: False  # type: ignore[method-assign]
    result = ctl("drain", "a")
    assert result.exit_code == 5
    assert "it was taken back" in result.stderr


def test_unknown_host(ctl: Ctl) -> None:
    result = ctl("drain", "zz")
    assert result.exit_code == 3
    assert result.stderr == "waypointctl: cannot find host zz: no agent of that name was seen\n"


@contextmanager
def draining(*servers: str) -> Iterator["subprocess.Popen[str]"]:
    """waypointctl drain a, as a process of its own; what runs in the background may have it ignore SIGINT."""
    code = "from waypoint_controlplane.cli import connection, main; connection._CONNECT = 60; main()"
    environment = {**os.environ, "WAYPOINT_CTL_SERVERS": ",".join(servers), "PYTHONUNBUFFERED": "1"}
    words = ["drain", "a", "--deadline", "10m", "--timeout", "60s"]
    command = ["env", "--default-signal=INT", sys.executable, "-c", code, *words]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_leaves_it_going(ctl: Ctl) -> None:
    ctl.fleet.drain = [left(3)]
    with draining(ctl.server) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("host a: 3 sessions left")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == (
        "\nno longer watching. The drain of a goes on: `waypointctl drain a` watches it again, "
        "`waypointctl uncordon a` takes it back.\n"
    )
    assert not any(isinstance(request, pb.UncordonRequest) for request in ctl.fleet.asked)


def test_goes_on_with_another_server() -> None:
    """The second server is asked without a deadline: the one that was set stays."""
    first, second = Fleet(drain=[left(3)]), Fleet(drain=[left(2), left(0, drained=True)])
    with serving(second) as other, ExitStack() as stack:
        server = stack.enter_context(serving(first))
        with draining(server, other) as process:
            assert process.stdout
            assert process.stdout.readline().startswith("host a: 3 sessions left")
            stack.close()
            said, complaint = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.splitlines()[-1].startswith("host a is drained")
    assert "the drain goes on, looking for another server" in complaint
    assert first.last(pb.DrainRequest).deadline.seconds == 600
    assert not second.last(pb.DrainRequest).HasField("deadline")
