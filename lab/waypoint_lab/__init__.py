"""Real hosts for development and system tests: systemd as PID 1, on an overlay of this machine.

- `host` is what tests use: `Host.boot`, `Host.run`, `Host.journal`, `Host.unplug`.
- `lifecycle` puts a host together and takes it apart, in order:
- `rootfs` its files, `settings` its /etc/waypoint, `cabling` its cable, `trust` its certificates, `cgroups` its
  limits, `nspawn` its PID 1.
- `record` what must be known to remove a host after its creator was killed.
- `metrics_page` writes docs/metrics.md.
- `cli`, `up`, `warm`, `session`, `ports` are `python -m waypoint_lab`, which `make up` and `make down` call.
"""

from waypoint_lab.errors import LabError
from waypoint_lab.host import Host

__all__ = ["Host", "LabError"]
