"""Where the lab finds and keeps its files."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / ".build"
STAGE = BUILD / "stage"
STAGE_LOCK = BUILD / "stage.state" / "lock"
ETCD = BUILD / "etcd"
UNITS = REPOSITORY / "lab" / "units"
TRUST = BUILD / "trust"
SCREENSHOT = BUILD / "first-session.png"
RUN = Path("/run/waypoint-lab")
