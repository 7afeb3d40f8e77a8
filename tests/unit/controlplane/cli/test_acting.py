"""What the commands that change something ask for, and say."""

import json
import socket
from collections.abc import Callable

import pytest
import yaml
from google.protobuf.message import Message

from unit.controlplane.cli.conftest import Ctl
from unit.controlplane.cli.fake import ID
from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.failures import Exit

BY = f"ann@{socket.gethostname()}"
ACTS: list[tuple[list[str], Message, str]] = [
    (
        ["cordon", "a", "--reason", "disk"],
        pb.CordonRequest(name="a", reason="disk", by=BY),
        "host a is cordoned\n",
    ),
    (["uncordon", "a"], pb.UncordonRequest(name="a", by=BY), "host a takes sessions again\n"),
    (["scale", "a", "0"], pb.ScaleRequest(name="a", slots=0), "host a is to run 0 slots\n"),
    (
        ["scale", "a", "default"],
        pb.ScaleRequest(name="a"),
        "host a is to run as many slots as are configured there\n",
    ),
    (
        ["label", "a", "rack=7", "zone-"],
        pb.ConfigureRequest(name="a", set_labels={"rack": "7"}, remove_labels=["zone"]),
        "host a has labels disk=fast,rack=7\n",
    ),
    (["label", "a"], pb.GetHostRequest(name="a"), "host a has labels disk=fast,zone=x\n"),
    (["label", "b"], pb.GetHostRequest(name="b"), "host b has no labels\n"),
    (
        ["flags", "a", "--set", "--mute-audio", "--set=--lang=de"],
        pb.ConfigureRequest(name="a", browser_flags=pb.BrowserFlags(flags=["--mute-audio", "--lang=de"])),
        "host a adds --mute-audio --lang=de\n",
    ),
    (
        ["flags", "a", "--clear"],
        pb.ConfigureRequest(name="a", browser_flags=pb.BrowserFlags()),
        "host a adds no flags\n",
    ),
    (["freeze", "--reason", "racks"], pb.FreezeRequest(reason="racks", by=BY), "remediation is frozen\n"),
    (["unfreeze"], pb.UnfreezeRequest(by=BY), "remediation goes on\n"),
    (
        ["kill", ID, "--reason", "ran away"],
        pb.KillRequest(id=ID, reason="ran away", by=BY),
        f"instance {ID} is being ended\n",
    ),
    (
        ["connect", "--host", "a", "--label", "zone=x"],
        pb.OpenSessionRequest(host="a", labels={"zone": "x"}, by=BY),
        "ws://10.0.0.1:9222/devtools/browser/s1\n",
    ),
]


@pytest.mark.parametrize(("words", "request_", "said"), ACTS, ids=[" ".join(words) for words, _, _ in ACTS])
def test_acts(ctl: Ctl, words: list[str], request_: Message, said: str) -> None:
    assert ctl.says(*words) == said
    assert ctl.fleet.asked == [request_]


def test_answers_for_programs(ctl: Ctl) -> None:
    assert json.loads(ctl.says("cordon", "a", "-o", "json"))["state"] == "HOST_STATE_CORDONED"
    assert yaml.safe_load(ctl.says("freeze", "--reason", "racks", "-o", "yaml"))["frozen_by"] == BY
    opened = json.loads(ctl.says("connect", "-o", "json"))
    assert opened == {
        "instance": ID,
        "url": "ws://10.0.0.1:9222/devtools/browser/s1",
        "open_timeout": "60s",
        "tzafonwright_url": "ws://10.0.0.1:1337/session/s1",
    }


def test_connect_for_clients_of_tzafonwright(ctl: Ctl) -> None:
    assert ctl.says("connect", "--tzafonwright") == "ws://10.0.0.1:1337/session/s1\n"
    ctl.fleet.tzafonwright_url = ""
    refused = ctl("connect", "--tzafonwright")
    assert refused.exit_code == Exit.REFUSED
    assert "start waypoint-proxy-tzafonwright.socket there" in refused.stderr


def test_connect_says_how_long_it_waits_beside_the_url(ctl: Ctl) -> None:
    assert ctl("connect").stderr == f"instance {ID}; given back if nobody connects within 1m\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["scale", "a", "many"], "neither a number from 0 to 1000 nor `default`"),
        (["scale", "a", "1001"], "neither a number from 0 to 1000 nor `default`"),
        (["label", "a", "zone"], "neither key=value, which sets a label, nor key-"),
        (["label", "a", "zone=y", "zone-"], "'zone' is to be set and to be removed"),
        (["flags", "a", "--set", "--x", "--clear"], "contradict each other"),
    ],
)
def test_bad_input_changes_nothing(ctl: Ctl, words: list[str], complaint: str) -> None:
    result = ctl(*words)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert ctl.fleet.asked == []


def test_kill_asks_on_a_terminal(ctl: Ctl, on_terminal: Callable[[], None]) -> None:
    on_terminal()
    refused = ctl("kill", ID, "--reason", "x", typed="n\n")
    assert refused.exit_code == 1
    assert f"End chrome_browser {ID}, in use through a? [y/N]" in refused.stderr
    assert "End agent job1, with 1 children?" in ctl("kill", "job1", "--reason", "x", typed="n\n").stderr
    assert not any(isinstance(each, pb.KillRequest) for each in ctl.fleet.asked)
    assert ctl("kill", ID, "--reason", "x", typed="y\n").exit_code == 0
    assert ctl("kill", ID, "--reason", "x", "--yes").exit_code == 0
    assert sum(isinstance(each, pb.KillRequest) for each in ctl.fleet.asked) == 2
