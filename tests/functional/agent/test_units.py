"""The units as shipped, under a real systemd: what confines a browser, and what is left of it."""

import asyncio
import shlex

import pytest

from functional.agent.fixtures import RunningAgent
from system.news import eventually
from waypoint_core.hold import EndCause, Ended, Release
from waypoint_lab import Host, LabError

TEMPORARY = "systemd-run --quiet --wait --pipe --collect --property=DynamicUser=yes"


MANAGER = "org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"


def as_agent(host: Host, command: str) -> str:
    return host.run(
        "setpriv", "--reuid=waypoint-agent", "--regid=waypoint", "--clear-groups", *shlex.split(command)
    ).stdout


def host_says_who_ran_out_of_memory(host: Host) -> bool:
    """systemd learns it from version 2 of cgroups only."""
    return host.run("stat", "-fc", "%T", "/sys/fs/cgroup").stdout.strip() == "cgroup2fs"


def inside(agent: RunningAgent, slot: int, script: str) -> str:
    """What a shell script prints that sees what the slot's browser sees and may do what it may."""
    pid = agent.main_pid(slot)
    uid = agent.status(pid, "Uid").split()[0]
    enter = ["nsenter", f"--target={pid}", "--mount", f"--setuid={uid}", f"--setgid={uid}"]
    return agent.host.run(*enter, "sh", "-c", script, check=False).stdout


async def test_every_process_is_confined(agent: RunningAgent) -> None:
    for pid in agent.pids(0):
        assert agent.status(pid, "Seccomp") == "2"
        assert agent.status(pid, "NoNewPrivs") == "1"
    commands = {pid: agent.host.run("cat", f"/proc/{pid}/cmdline").stdout for pid in agent.pids(0)}
    assert not any("--no-sandbox" in command for command in commands.values())
    zygotes = [
        pid for pid, command in commands.items() if "type=zygote" in command and "--no-zygote-sandbox" not in command
    ]
    namespaces = {agent.host.run("readlink", f"/proc/{pid}/ns/user").stdout for pid in (agent.main_pid(0), zygotes[0])}
    assert len(namespaces) == 2, "Chromium's own sandbox is on"


async def test_slots_are_strangers(agent: RunningAgent) -> None:
    users = {agent.status(agent.main_pid(slot), "Uid").split()[0] for slot in (0, 1)}
    assert len(users) == 2
    assert all(61184 <= int(user) <= 65519 for user in users), "the firewall counts on it"
    other = agent.main_pid(1)
    assert inside(agent, 0, f"ls -d /proc/{agent.main_pid(0)} /proc/{other} 2>/dev/null").split() == [
        f"/proc/{agent.main_pid(0)}"
    ]


async def test_what_it_may_write_is_small_and_its_own(agent: RunningAgent) -> None:
    look = "for d in $(findmnt -rno TARGET | sort -u); do [ -w $d ] && echo $d; done"
    assert set(inside(agent, 0, look).split()) <= {"/tmp"}
    assert inside(agent, 0, "findmnt -rno FSTYPE,OPTIONS /tmp | tail -n 1").startswith("tmpfs rw,nosuid,nodev,noexec")
    assert inside(agent, 0, "df -k --output=size /tmp | tail -n 1").strip() == str(1 << 20)
    fill = "dd if=/dev/zero of=/tmp/x bs=1M count=1100 2>&1 | grep -c 'No space left'; rm /tmp/x"
    assert inside(agent, 0, fill).strip() == "1"


@pytest.mark.parametrize("path", ["/etc/waypoint/waypoint.toml", "/run/waypoint", "/run/dbus", "/root", "/home/x"])
async def test_what_it_may_not_read(agent: RunningAgent, path: str) -> None:
    agent.host.run("mkdir", "-p", "/home/x")
    assert inside(agent, 0, f"ls {path} 2>/dev/null") == ""


async def test_it_sees_programs_settings_and_no_data(agent: RunningAgent) -> None:
    empty_by_systemd = {"root"}
    assert set(inside(agent, 0, "ls /").split()) - empty_by_systemd == {
        *("bin", "lib", "lib64", "sbin", "usr", "etc", "opt"),
        *("dev", "proc", "run", "sys", "tmp", "tmp-bounded", "var"),
    }
    assert set(inside(agent, 0, "find /var -mindepth 1 -maxdepth 2").split()) == {
        *("/var/cache", "/var/cache/fontconfig", "/var/tmp"),
    }
    assert inside(agent, 0, "ls /run").split() == ["systemd"], "and how names are resolved, where that is in /run"


async def test_what_is_mounted_below_a_folder_is_read_only_as_well(agent: RunningAgent) -> None:
    """Though everybody may write there on the host."""
    host, settle = agent.host, "systemctl restart waypoint-browser-root"
    host.run("sh", "-ec", f"mkdir '/opt/a share'; mount -t tmpfs -o mode=1777 share '/opt/a share'; {settle}")
    try:
        instance = (await agent.ready())[0]["id"]
        host.run("systemctl", "stop", "waypoint-browser@0")
        await agent.replaced(0, instance)
        assert inside(agent, 0, "findmnt -no SOURCE '/opt/a share'") == "share\n"
        assert inside(agent, 0, "touch '/opt/a share/x' || echo refused") == "refused\n"
    finally:
        host.run("sh", "-ec", f"umount '/opt/a share'; {settle}; rmdir '/opt/a share'")


async def test_it_sees_no_devices(agent: RunningAgent) -> None:
    assert set(inside(agent, 0, "find /dev -mindepth 1").split()) == {
        *(f"/dev/{device}" for device in ("null", "zero", "full", "random", "urandom", "tty")),
        *(f"/dev/{link}" for link in ("fd", "stdin", "stdout", "stderr", "shm")),
    }
    assert inside(agent, 0, "echo kept > /dev/shm/x; cat /tmp/x; rm /tmp/x") == "kept\n"
    assert inside(agent, 0, "mknod /tmp/disk b 1 0 || echo refused") == "refused\n"


async def test_names_are_resolved_as_on_the_host(agent: RunningAgent) -> None:
    """Where that is told below /run: also when the file is replaced while the browser runs."""
    host, settle = agent.host, "systemctl restart waypoint-browser-root"
    say = "echo nameserver {} > /run/resolver/new && mv /run/resolver/new /run/resolver/resolv.conf"
    link = "mv /etc/resolv.conf /etc/resolv.conf.kept; ln -s ../run/resolver/resolv.conf /etc/resolv.conf"
    host.run("sh", "-ec", f"mkdir /run/resolver; {say.format('127.0.0.7')}; {link}; {settle}")
    try:
        instance = (await agent.ready())[0]["id"]
        host.run("systemctl", "stop", "waypoint-browser@0")
        await agent.replaced(0, instance)
        assert inside(agent, 0, "cat /etc/resolv.conf") == "nameserver 127.0.0.7\n"
        host.run("sh", "-ec", say.format("127.0.0.8"))
        assert inside(agent, 0, "cat /etc/resolv.conf") == "nameserver 127.0.0.8\n"
        assert inside(agent, 0, "ls /run").split() == ["resolver", "systemd"]
    finally:
        host.run("sh", "-ec", f"rm -r /run/resolver; mv /etc/resolv.conf.kept /etc/resolv.conf; {settle}")


async def test_a_new_root_touches_no_browser_that_runs(agent: RunningAgent) -> None:
    look = "findmnt --raw --noheadings --output TARGET | grep ^/run/waypoint | sort; ls /run/waypoint"
    host, before, running = agent.host, agent.host.run("sh", "-c", look).stdout, agent.instances()
    assert "/run/waypoint/browser-root/usr\n" in before
    host.run("systemctl", "restart", "waypoint-browser-root")
    assert await agent.ready() == running
    assert inside(agent, 0, "ls /usr/lib/waypoint/browser /proc/self/status").split()[0] == "/proc/self/status"
    assert host.run("sh", "-c", look).stdout == before
    host.run("systemctl", "stop", "waypoint-browser-root")
    assert "browser-root" not in host.run("sh", "-c", look).stdout
    assert inside(agent, 0, "ls /usr/lib/waypoint/browser").strip() == "/usr/lib/waypoint/browser"
    host.run("systemctl", "start", "waypoint-agent")
    assert await agent.ready() == running


async def test_a_root_in_which_somebody_is_can_be_made_anew(agent: RunningAgent) -> None:
    visitor = ("--unit=visitor", "--property=WorkingDirectory=/run/waypoint/browser-root/usr", "sleep", "infinity")
    agent.host.run("systemd-run", "--quiet", "--service-type=exec", *visitor)  # returns once it is in there
    try:
        agent.host.run("systemctl", "restart", "waypoint-browser-root")
    finally:
        agent.host.run("systemctl", "stop", "visitor")
    async with agent.session(0) as (gateway, instance):
        gateway.say(Release(instance, "client left"))
        await agent.replaced(0, instance)


async def test_nothing_is_left_of_a_life(agent: RunningAgent) -> None:
    pids, instance = agent.pids(0), agent.instances()[0]["id"]
    agent.host.run("systemctl", "stop", "waypoint-browser@0")
    assert not [pid for pid in pids if agent.host.run("test", "-e", f"/proc/{pid}", check=False).returncode == 0]
    assert agent.host.run("systemctl", "--failed", "--no-legend").stdout == ""
    await agent.replaced(0, instance)
    assert inside(agent, 0, "ls /tmp").split() == ["profile"]


async def test_systemd_keeps_the_units_loaded_from_one_life_to_the_next(agent: RunningAgent) -> None:
    async with agent.session(0) as (gateway, instance):
        gateway.say(Release(instance, "client left"))
        await agent.replaced(0, instance)
    unit = "/org/freedesktop/systemd1/unit/waypoint_2dbrowser_400_2eservice"
    ask = ["get-property", "org.freedesktop.systemd1", unit, "org.freedesktop.systemd1.Unit", "Refs"]
    count = agent.host.run("busctl", *ask).stdout.split()[1]
    assert count == "1", "the broker's"


async def test_the_agent_may_do_nothing_to_units_itself(host: Host) -> None:
    for forbidden in (
        "restart waypoint-browser@1.service",
        "stop waypoint-agent.service",
        "start rescue.target",
        "daemon-reload",
    ):
        with pytest.raises(LabError, match=r"[Aa]uthentication|denied"):
            as_agent(host, f"systemctl --no-ask-password {forbidden}")
    with pytest.raises(LabError, match=r"[Aa]uthentication|denied"):
        as_agent(host, f"busctl call {MANAGER} StartTransientUnit ssa(sv)a(sa(sv)) waypoint-browser@9.service fail 0 0")
    with pytest.raises(LabError, match=r"[Aa]uthentication|denied"):
        as_agent(host, "systemctl --no-ask-password set-property --runtime waypoint-browser@1.service MemoryMax=1G")


BROKER = "/run/waypoint/broker.sock"
ASK = f"""
import socket, sys
broker = socket.socket(socket.AF_UNIX)
broker.connect({BROKER!r})
broker.sendall(sys.argv[1].encode() + b"\\n")
print(broker.recv(4096).decode(), end="")
"""


async def test_the_broker_starts_and_stops_browsers_and_nothing_else(agent: RunningAgent, host: Host) -> None:
    def ask(order: str) -> str:
        return as_agent(host, f"/usr/lib/waypoint/bin/python -c {shlex.quote(ASK)} {shlex.quote(order)}")

    instance = agent.instances()[1]["id"]
    assert ask('{"number": 7, "verb": "restart", "slot": 1}').startswith('{"number":7,"job":"/org/freedesktop/')
    await agent.replaced(1, instance)
    running = agent.instances()
    for broken in (
        '{"number": 1, "verb": "stop", "slot": "1.service"}',
        '{"number": 1, "verb": "stop", "slot": -1}',
        '{"number": 1, "verb": "stop", "slot": 70000}',
        '{"number": 1, "verb": "kill", "slot": 1}',
        '{"number": 1, "verb": "stop", "slot": 1, "unit": "dbus.service"}',
        '{"number": 1, "verb": "stop"}',
        "stop dbus.service",
    ):
        assert ask(broken) == ""
    said = "cannot read order to the broker b'stop dbus.service'"
    await eventually(lambda: said in host.journal("waypoint-broker.service"))
    assert await agent.ready() == running


async def test_nobody_but_the_agent_gets_to_the_broker(host: Host) -> None:
    assert host.run("stat", "-c", "%U %G %a", BROKER).stdout == "waypoint-agent root 600\n"


async def test_the_broker_is_root_without_what_makes_root(agent: RunningAgent, host: Host) -> None:
    pid = int(host.run("systemctl", "show", "-P", "MainPID", "waypoint-broker").stdout)
    assert agent.status(pid, "Uid").split() == ["0"] * 4
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(agent.status(pid, kind), 16) == 0
    assert (agent.status(pid, "Seccomp"), agent.status(pid, "NoNewPrivs")) == ("2", "1")
    look = ["nsenter", f"--target={pid}", "--mount", "--net", "sh", "-c"]
    assert (
        host.run(*look, "ls /var/lib /var/log /boot /root /home 2>/dev/null | grep -v :$", check=False).stdout.strip()
        == ""
    )
    assert host.run(*look, "cat /proc/net/route", check=False).stdout.splitlines()[1:] == []


async def test_browsers_come_and_go_though_the_broker_dies(agent: RunningAgent, host: Host) -> None:
    for _ in range(3):
        async with agent.session(0) as (gateway, instance):
            host.run("systemctl", "kill", "--signal=KILL", "waypoint-broker")
            gateway.say(Release(instance, "client left"))
            await agent.replaced(0, instance)


async def test_browsers_cannot_reach_the_hosts_own_services(host: Host) -> None:
    curl = "curl --silent --max-time 20 --output /dev/null --write-out %{http_code}"
    assert host.run(*shlex.split(f"{curl} http://127.0.0.1:2379/version")).stdout == "200"
    for address in ("127.0.0.1", host.address):
        refused = host.run(*shlex.split(f"{TEMPORARY} {curl} http://{address}:2379/version"), check=False)
        assert refused.stdout == "000"
    refused = host.run(*shlex.split(f"{TEMPORARY} {curl} http://127.0.0.1:20000/json/version"), check=False)
    assert refused.stdout == "000"


async def test_the_firewall_is_loaded_again_and_unloaded(host: Host) -> None:
    host.run("systemctl", "reload", "waypoint-firewall")
    host.run("nft", "list", "table", "inet", "waypoint")
    host.run("systemctl", "stop", "waypoint-firewall")
    with pytest.raises(LabError):
        host.run("nft", "list", "table", "inet", "waypoint")
    host.run("systemctl", "start", "waypoint-firewall")
    host.run("nft", "list", "table", "inet", "waypoint")


async def test_outgrowing_memory_ends_the_session_with_that_cause(agent: RunningAgent) -> None:
    agent.host.run("systemctl", "set-property", "--runtime", "waypoint-browser@0.service", "MemoryMax=300M")
    try:
        async with agent.session(0) as (gateway, instance):
            join = "echo $$ > $(find /sys/fs/cgroup -path '*memory*waypoint-browser@0.service/cgroup.procs')"
            fill = f"exec nsenter --target={agent.main_pid(0)} --mount dd if=/dev/zero of=/tmp/x bs=1M count=600"
            eating = await asyncio.create_subprocess_exec(
                *agent.host.command("sh", "-c", f"{join}; {fill}"), stderr=asyncio.subprocess.DEVNULL
            )
            heard = await gateway.hears()
            await eating.wait()
        if host_says_who_ran_out_of_memory(agent.host):
            assert heard == Ended(instance, EndCause.OUT_OF_MEMORY, "used more memory than it may")
        else:
            assert heard == Ended(instance, EndCause.CRASHED, "killed by signal 9 (SIGKILL)")
    finally:
        agent.host.run("systemctl", "revert", "waypoint-browser@0.service")
    await agent.replaced(0, instance)
