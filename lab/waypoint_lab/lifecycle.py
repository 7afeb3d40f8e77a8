"""A host's parts in order: all of them put together, and all that is left of them taken away."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from contextlib import suppress

from waypoint_lab import cabling, cgroups, nspawn, rootfs, trust
from waypoint_lab.errors import LabError
from waypoint_lab.process import end
from waypoint_lab.record import Record, find
from waypoint_lab.settings import Value, render

REACHABLE: Mapping[str, Value] = {
    "controlplane.listen": "0.0.0.0:50052",
    **{f"{part}.status_listen": f"0.0.0.0:{port}" for part, port in (("agent", 9301), ("proxy", 9302))},
    "controlplane.status_listen": "0.0.0.0:9303",
    "host.tzafonwright_status": "0.0.0.0:9304",
    "tls.cert_file": "/etc/waypoint/tls/cert.pem",
    "tls.key_file": "/etc/waypoint/tls/key.pem",
    "tls.ca_file": "/etc/waypoint/tls/ca.pem",
}
"""Settings of a host on a cable: what others ask of it, it answers there, to who has a certificate."""


def check_free(record: Record) -> None:
    """LabError when what the host would be given belongs to somebody of whom there is no record here."""
    if find(record.name) is None and cgroups.processes(record.name):
        raise LabError(
            f"cannot boot {record.name}: a host of this name runs already, booted from another root or container "
            "that shares this machine's cgroups; remove it there, or take another name"
        )
    if record.network == "machine":
        cabling.check_machine_is_free()


def boot(record: Record, values: Mapping[str, Value], without: Collection[str], seconds: float) -> Record:
    """Put the host of a claimed record together and wait until systemd is done; the record, complete."""
    files = {"etc/hostname": f"{record.name}\n"}
    netns = None
    if record.network == "veth":
        cable = cabling.create(record.name)
        record = dataclasses.replace(record, subnet=cable.subnet)
        record.save()
        netns = cabling.namespace_path(record.name)
        files |= reachable(cable) | trusted(cable)
        values = {"host.address": cable.address, **REACHABLE, **values}
    files["etc/waypoint/waypoint.toml"] = render(values)
    rootfs.create(record.directory, files, without)
    folders = cgroups.create(record.name)
    record = dataclasses.replace(record, pid1=nspawn.start(record.name, record.directory, folders, netns, seconds))
    record.save()
    return record


def trusted(cable: cabling.Cable) -> dict[str, str]:
    """The certificates with which a host answers over its cable, and asks its peers."""
    names = ("cert.pem", "key.pem", "ca.pem")
    return {
        f"etc/waypoint/tls/{name}": pem for name, pem in zip(names, trust.issue(cable.name, cable.address), strict=True)
    }


def reachable(cable: cabling.Cable) -> dict[str, str]:
    """Drop-ins with which a host answers its clients and its observers at the other end of the cable."""
    units = "etc/systemd/system"
    etcd = f"http://127.0.0.1:2379,http://{cable.address}:2379"
    edges = {"waypoint-proxy": 9222, "waypoint-proxy-tzafonwright": 1337}
    seen = f"Environment=TZAFONWRIGHT_STATUS_LISTEN=0.0.0.0:9304\nIPAddressAllow={cable.gateway}"
    return {
        f"{units}/waypoint-tzafonwright.service.d/cable.conf": f"[Service]\n{seen}\n",
        f"{units}/etcd.service.d/cable.conf": f"[Service]\nEnvironment=ETCD_LISTEN_CLIENT_URLS={etcd}\n",
        **{
            f"{units}/{name}.socket.d/cable.conf": f"[Socket]\nListenStream=\nListenStream=0.0.0.0:{port}\n"
            for name, port in edges.items()
        },
    }


def remove(record: Record) -> None:
    """Remove whatever there is of a host, however far its boot or an earlier removal came."""
    everything = cgroups.processes(record.name)
    payload = {pid for pid, folder in everything.items() if "payload" in folder.parts}
    end(payload)
    supervisor = everything.keys() - payload
    if not end(supervisor, 0, 5):  # it tidies up when its payload has ended
        end(supervisor)
    end(cgroups.processes(record.name))
    cgroups.remove(record.name)
    cabling.remove(record.name, record.subnet)
    if record.network == "machine":
        cabling.remove_firewall()
    rootfs.remove(record.directory)
    nspawn.remove_folder(record.name)
    record.file.unlink(missing_ok=True)
    with suppress(OSError):  # other hosts live there
        record.file.parent.rmdir()
        nspawn.remove_common_folders()
