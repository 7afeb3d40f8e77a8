"""What the commands that only look print, as an administrator reads it."""

import json
from textwrap import dedent

import pytest
import yaml

from unit.controlplane.cli.conftest import Ctl
from unit.controlplane.cli.fake import ID
from waypoint_controlplane.api import waypoint_pb2 as pb

TABLES = {
    "get hosts": """
        NAME   STATE     AGE     SLOTS   READY   CLAIMED   FAILED   REASON
        a      ready     3m12s   4       2       1         1        -
        b      suspect   7s      50      0       0         0        its lease has run out
        """,
    "get hosts --host a -o wide": """
        NAME   STATE   AGE     SLOTS   READY   CLAIMED   FAILED   LOAD   MEMORY          PRESSURE            LABELS             FLAGS   VERSIONS      STATUS-ENDPOINT   REASON
        a      ready   3m12s   4       2       1         1        0.50   2.0GiB/8.0GiB   cpu=1.25,memory=0   disk=fast,zone=x   -       agent=0.1.0   10.0.0.1:9301     -
        """,  # noqa: E501
    "get instances": """
        ID         TYPE             STATE     AGE     HOST   SLOT   CLAIMED-BY   REASON
        a_0_3f2a   chrome_browser   claimed   1h      a      0      a            -
        job1       agent            ready     1m30s   -      -      -            -
        a_3_77     chrome_browser   failed    5s      a      3      -            did not answer within 15 s
        """,
    "get instances --type agent -o wide": """
        ID     TYPE    STATE   AGE     HOST   SLOT   GENERATION   CLAIMED-BY   KIND   PARENT   CHILDREN   ENDPOINTS   LABELS     REASON
        job1   agent   ready   1m30s   -      -      0            -            -      -        a_0_3f2a   -           team=red   -
        """,  # noqa: E501
    "get sessions": """
        INSTANCE   HOST   KIND   CLIENT          AGE    FROM-CLIENT   TO-CLIENT
        a_0_3f2a   a      cdp    10.0.0.9:4711   1m5s   2.0KiB        5.0MiB
        """,
    "get sessions --ended": """
        INSTANCE   HOST   KIND   CLIENT          AGE     FROM-CLIENT   TO-CLIENT   ENDED   REASON
        a_0_3f2a   a      cdp    10.0.0.9:4711   1m5s    2.0KiB        5.0MiB      -       -
        a_1_9c     a      cdp    10.0.0.9:4700   2m10s   0B            0B          12s     client closed
        """,
    "get bindings": """
        PARENT   CHILD      AGE
        job1     a_0_3f2a   1m30s
        """,
    "top": """
        NAME   STATE     LOAD   SLOTS   READY   CLAIMED   MEMORY          PSI-CPU   PSI-MEMORY   PSI-IO
        b      suspect   3.25   50      0       0         -               -         -            -
        a      ready     0.50   4       2       1         2.0GiB/8.0GiB   1.2%      0.0%         -
        """,
    "events": """
        AT                    WHAT     NOUN       NAME       BY          REASON
        2026-02-02 02:40:00   ready    host       a          -           its agent registered
        2026-02-02 02:41:01   killed   instance   a_0_3f2a   root@desk   ran away
        """,
    "events -w --past 1": """
        AT                    WHAT        NOUN       NAME           BY         REASON
        2026-02-02 02:41:01   killed      instance   a_0_3f2a       root@desk   ran away
        """,
    "logs a browser@3 -n 2": """
        2026-02-02 02:40:00 browser@3: line 0
        2026-02-02 02:40:01 browser@3: line 1
        """,
    "status": """
        Leader:       cp1
        Answered by:  cp1, version 0.1.0
        Staleness:    0.4s
        Remediation:  on

        CONTROL-PLANE   ADDRESS          STATUS-ENDPOINT
        cp1             10.0.0.1:50052   10.0.0.1:9303

        PROXY   HOST   ADDRESS         STATUS-ENDPOINT
        a       a      10.0.0.1:9222   10.0.0.1:9302
        """,
}


@pytest.mark.parametrize("words", TABLES)
def test_tables(ctl: Ctl, words: str) -> None:
    assert ctl.says(*words.split()) == dedent(TABLES[words]).lstrip()


def test_describe_host(ctl: Ctl) -> None:
    said = ctl.says("describe", "host", "a")
    assert (
        dedent("""
        Conditions:
          CONDITION       HOLDS   WHY
          TakesSessions   yes     2 of 4 browsers are nobody's, 1 in use or in a proxy's reserve
          SlotsFail       yes     1 of 4 browsers do not start: see the instances below
          ShortOfMemory   no      75% available

        Instances:
          STATE     AGE   HOST   SLOT   CLAIMED-BY   REASON                       ID
          claimed   1h    a      0      a            -                            a_0_3f2a
          failed    5s    a      3      -            did not answer within 15 s   a_3_77
        """)
        in said
    )
    assert said.startswith("Name:             a\nState:            ready\nSince:            ")
    assert "killed   instance   a_0_3f2a   root@desk   ran away" in said
    assert "client closed" in said


def test_describe_suspect_host(ctl: Ctl) -> None:
    said = ctl.says("describe", "host", "b")
    assert "Reason:  its lease has run out\n" in said
    assert "TakesSessions   no      it is suspect\n" in said
    assert "LostLately      yes     2026-02-02 02:40:00\n" in said


def test_describe_instance(ctl: Ctl) -> None:
    said = ctl.says("describe", "instance", ID)
    assert "Slot:        0, generation 7\nClaimed by:  a (cdp)\nParent:      job1\n" in said
    assert "\nSession:\n  INSTANCE " in said
    assert "its agent registered" not in said  # an event of another
    assert "Host:      none: it registered itself\n" in ctl.says("describe", "instance", "job1")


def test_json_and_yaml_say_the_same(ctl: Ctl) -> None:
    for words in ("get hosts", "get instances", "get sessions", "get bindings", "events", "top"):
        as_json = json.loads(ctl.says(*words.split(), "-o", "json"))
        as_yaml = yaml.safe_load(ctl.says(*words.split(), "-o", "yaml"))
        assert as_json.keys() == as_yaml.keys() >= {"items"}
        assert [row.keys() for row in as_json["items"]] == [row.keys() for row in as_yaml["items"]]


def test_json_is_the_messages_form(ctl: Ctl) -> None:
    (host,) = json.loads(ctl.says("get", "hosts", "--host", "b", "-o", "json"))["items"]
    since = host.pop("since")
    assert since.endswith("Z")
    assert host == {
        "name": "b",
        "state": "HOST_STATE_SUSPECT",
        "reason": "its lease has run out",
        "slots": 50,
        "ready": 0,
        "claimed": 0,
        "failed": 0,
        "load1": 3.25,
        "memory_total_bytes": "0",
        "memory_available_bytes": "0",
        "pressure": {},
        "labels": {},
        "versions": {},
        "browser_flags": [],
        "losses": ["2026-02-02T02:40:00Z"],
        "boot_id": "",
        "status_address": "",
    }


def test_describe_for_programs(ctl: Ctl) -> None:
    host = json.loads(ctl.says("describe", "host", "a", "-o", "json"))
    assert host.keys() == {"host", "conditions", "instances", "sessions", "missing", "events"}
    assert host["conditions"][1]["name"] == "SlotsFail"
    instance = yaml.safe_load(ctl.says("describe", "instance", ID, "-o", "yaml"))
    assert instance["instance"]["state"] == "INSTANCE_STATE_CLAIMED"
    assert [event["what"] for event in instance["events"]] == ["killed"]


def test_streams_are_an_object_a_line(ctl: Ctl) -> None:
    lines = ctl.says("events", "-w", "-o", "json").splitlines()
    assert [json.loads(line)["number"] for line in lines] == ["1", "2"]
    documents = list(yaml.safe_load_all(ctl.says("logs", "a", "-n", "2", "-o", "yaml")))
    assert [each["message"] for each in documents] == ["line 0", "line 1"]


def test_filters_reach_the_server(ctl: Ctl) -> None:
    assert "suspect" not in ctl.says("get", "hosts", "--label", "zone=x", "--label", "disk=fast")
    assert dict(ctl.fleet.last(pb.ListHostsRequest).labels) == {"zone": "x", "disk": "fast"}
    assert "job1" not in ctl.says("get", "instances", "--host", "a")
    assert ctl.says("get", "instances", "--label", "team=red").count("\n") == 2
    ctl.says("events", "-w", "--host", "a", "--past", "0")
    assert ctl.fleet.last(pb.WatchEventsRequest) == pb.WatchEventsRequest(follow=True, host="a")
    ctl.says("logs", "-f", "-n", "100", "a", "proxy")
    expected = pb.ReadJournalRequest(host="a", unit="proxy", lines=100, follow=True)
    assert ctl.fleet.last(pb.ReadJournalRequest) == expected


def test_nothing_to_show(ctl: Ctl) -> None:
    ctl.fleet.hosts.clear()
    result = ctl("get", "hosts")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "none\n")
    assert json.loads(ctl.says("get", "hosts", "-o", "json")) == {"items": []}


def test_what_is_missing_is_said(ctl: Ctl) -> None:
    ctl.fleet.missing = ["b: no answer within 3 s"]
    result = ctl("get", "sessions")
    assert "sessions are missing from this list: b: no answer within 3 s" in result.stderr
    assert json.loads(ctl.says("get", "sessions", "-o", "json"))["missing"] == ["b: no answer within 3 s"]
