"""Where each record lives: the only place that builds or takes apart a registry key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from waypoint_core.errors import CodecError

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_SEPARATOR = "_"
_BROWSER = re.compile(r"([a-z0-9][a-z0-9.-]*)_([0-9]+)_([0-9a-f]{32})")

REGISTERED = "_"
"""Stands for the host in the keys of instances that registered themselves; no host may bear this name."""


def check_host_name(name: str) -> str:
    """The name itself if a host or proxy may bear it: lower-case letters, digits, dots, hyphens."""
    if not _NAME.fullmatch(name):
        raise CodecError(f"cannot use {name!r} as a host name: lower-case letters, digits, '.' and '-' only")
    return name


def browser_id(host: str, slot: int, invocation: str) -> str:
    """The instance id of a browser: its host, its slot, and systemd's InvocationID (32 hex digits) of this life."""
    return f"{host}{_SEPARATOR}{slot}{_SEPARATOR}{invocation}"


def host_of(instance_id: str) -> str:
    """The host of a browser's id; REGISTERED for an id that some other program chose."""
    found = _BROWSER.fullmatch(instance_id)
    return found[1] if found and _NAME.fullmatch(found[1]) else REGISTERED


@dataclass(frozen=True, slots=True)
class Keys:
    """The key schema below one prefix, which ends with a slash.

    Instance ids stand in a key with everything but letters, digits and `_.-~` escaped as in URLs.
    """

    prefix: str = "/waypoint/v1/"

    @property
    def hosts(self) -> str:
        """Prefix of what agents say about their hosts."""
        return f"{self.prefix}hosts/"

    @property
    def instances(self) -> str:
        """Prefix of all instances."""
        return f"{self.prefix}inst/"

    @property
    def claims(self) -> str:
        """Prefix of all claims."""
        return f"{self.prefix}claims/"

    @property
    def proxies(self) -> str:
        """Prefix of all proxies."""
        return f"{self.prefix}proxies/"

    def host(self, host: str) -> str:
        """Prefix of what one host's agent says about it."""
        return f"{self.hosts}{host}/"

    def host_alive(self, host: str) -> str:
        """`hosts/<h>/alive`."""
        return f"{self.host(host)}alive"

    def host_summary(self, host: str) -> str:
        """`hosts/<h>/summary`."""
        return f"{self.host(host)}summary"

    def host_instances(self, host: str) -> str:
        """Prefix of one host's instances."""
        return f"{self.instances}{host}/"

    def instance(self, host: str, instance_id: str) -> str:
        """`inst/<h>/<id>`."""
        return f"{self.instances}{host}/{_quoted(instance_id)}"

    def claim(self, instance_id: str) -> str:
        """`claims/<id>`."""
        return f"{self.claims}{_quoted(instance_id)}"

    def host_claims(self, host: str) -> str:
        """Prefix of the claims on one host's browsers."""
        return f"{self.claims}{host}{_SEPARATOR}"

    def proxy(self, name: str) -> str:
        """`proxies/<p>`."""
        return f"{self.proxies}{name}"

    def desired_host(self, host: str) -> str:
        """`desired/hosts/<h>`."""
        return f"{self.prefix}desired/hosts/{host}"

    def desired_instances(self, host: str) -> str:
        """Prefix of the kill requests for one host."""
        return f"{self.prefix}desired/inst/{host}/"

    def desired_instance(self, host: str, instance_id: str) -> str:
        """`desired/inst/<h>/<id>`."""
        return f"{self.desired_instances(host)}{_quoted(instance_id)}"

    @property
    def desired(self) -> str:
        """Prefix of all that operators and the control plane want."""
        return f"{self.prefix}desired/"

    @property
    def beats(self) -> str:
        """Prefix of the heartbeats of what registered itself."""
        return f"{self.prefix}beats/"

    def beat(self, instance_id: str) -> str:
        """`beats/<id>`."""
        return f"{self.beats}{_quoted(instance_id)}"

    @property
    def bindings(self) -> str:
        """Prefix of all parent-child bonds."""
        return f"{self.prefix}bindings/"

    def children(self, parent_id: str) -> str:
        """Prefix of one parent's bonds."""
        return f"{self.bindings}{_quoted(parent_id)}/"

    def binding(self, parent_id: str, child_id: str) -> str:
        """`bindings/<parent>/<child>`."""
        return f"{self.children(parent_id)}{_quoted(child_id)}"

    @property
    def control_plane(self) -> str:
        """Prefix of the control plane's own state."""
        return f"{self.prefix}cp/"

    @property
    def leader(self) -> str:
        """`cp/leader`."""
        return f"{self.control_plane}leader"

    @property
    def freeze(self) -> str:
        """`cp/freeze`."""
        return f"{self.control_plane}freeze"

    @property
    def tick(self) -> str:
        """`cp/tick`."""
        return f"{self.control_plane}tick"

    @property
    def members(self) -> str:
        """Prefix of all control planes."""
        return f"{self.control_plane}members/"

    def member(self, name: str) -> str:
        """`cp/members/<name>`."""
        return f"{self.members}{name}"

    @property
    def known_hosts(self) -> str:
        """Prefix of what the leader made of each host."""
        return f"{self.control_plane}hosts/"

    def known_host(self, host: str) -> str:
        """`cp/hosts/<h>`."""
        return f"{self.known_hosts}{host}"

    def parts(self, key: str, below: str) -> tuple[str, ...]:
        """The key's path segments after a prefix of ours, unescaped.

        CodecError when it is not below it, has an empty one, or is not UTF-8.
        """
        if not key.startswith(below):
            raise CodecError(f"cannot read key {key!r}: it is not below {below!r}")
        segments = tuple(key.removeprefix(below).split("/"))
        if not all(segments):
            raise CodecError(f"cannot read key {key!r}: a part of it is empty")
        if not _is_utf8(key):
            raise CodecError(f"cannot read key {key!r}: it is not UTF-8")
        return tuple(map(unquote, segments))


def _quoted(instance_id: str) -> str:
    # An id that was cut out of a stranger's key may hold bytes that are not UTF-8: it names nothing, but is no failure.
    return quote(instance_id, safe="", errors="surrogateescape")


def _is_utf8(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
