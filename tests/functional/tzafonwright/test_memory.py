"""Where the kernel must end a process for want of memory."""

from pathlib import Path

from functional.tzafonwright.stage import daemon


def points(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_the_driver_goes_before_the_server(tmp_path: Path) -> None:
    with daemon(tmp_path) as server:
        [driver] = server.drivers()
        assert points(driver) == min(points(server.process.pid) + 250, 1000)
