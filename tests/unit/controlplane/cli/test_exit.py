"""How waypointctl leaves: at once, whatever its threads are doing, with all it had to say."""

import os
import subprocess
import sys

import pytest

# What gRPC leaves behind when one of its threads is stopped in mid-air: a lock that nobody gives back, and a call, part
# of a cycle, that takes this lock when Python's exit collects it.
LEFT_BEHIND = """
import sys, threading

held = threading.Lock()
held.acquire()

class Call:
    def __init__(self):
        self.cycle = self

    def __del__(self):
        held.acquire()

call = Call()
from waypoint_controlplane.cli import main
main()
"""


@pytest.mark.parametrize(
    ("words", "code", "said", "complained"),
    [
        (["--version"], 0, "waypointctl ", ""),
        (["drain"], 2, "", "Error: Missing argument"),
        (["status", "--server", "127.0.0.1:1"], 4, "", "waypointctl: cannot reach any control plane"),
    ],
)
def test_exit_waits_for_no_lock(words: list[str], code: int, said: str, complained: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEFT_BEHIND, *words], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, said in done.stdout, complained in done.stderr) == (code, True, True), done


def test_whoever_listened_has_left() -> None:
    """`waypointctl --help | head -1` ends without a traceback."""
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-c", "from waypoint_controlplane.cli import main; main()", "--help"],
            stdout=closed, stderr=subprocess.PIPE, text=True, check=False, timeout=30,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
