"""What the registry does not hold is asked of agents and proxies, at their status endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from urllib.parse import urlencode

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.serve.errors import not_found, unavailable
from waypoint_core.codec import decode
from waypoint_core.errors import CodecError, StatusError
from waypoint_core.status.client import StatusClient
from waypoint_core.status.reports import JOURNAL, SESSIONS, JournalReport, SessionReport

_PATIENCE = 2.0


class Peers:
    """The daemons that the fleet's tables show."""

    def __init__(self, fleet: Fleet, client: StatusClient) -> None:
        self._fleet = fleet
        self._client = client

    async def sessions(self) -> tuple[list[tuple[str, SessionReport]], list[str]]:
        """What all proxies report, each with its proxy's name; and which could not be asked, with the reason."""
        proxies = sorted(self._fleet.proxies.items())
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._sessions_of(row.record.status), name=name) for name, row in proxies]
        reports: list[tuple[str, SessionReport]] = []
        missing = []
        for (name, _), task in zip(proxies, asked, strict=True):
            found = task.result()
            if isinstance(found, str):
                missing.append(f"{name}: {found}")
            else:
                reports += [(name, report) for report in found]
        return reports, missing

    async def _sessions_of(self, address: str) -> list[SessionReport] | str:
        if not address:
            return "it has no status endpoint"
        try:
            lines = (await self._client.get(address, SESSIONS, _PATIENCE)).splitlines()
            return [decode(SessionReport, line, f"{SESSIONS} of {address}") for line in lines]
        except (StatusError, CodecError) as error:
            return str(error)

    async def journal(self, host: str, unit: str, lines: int, *, follow: bool) -> AsyncIterator[JournalReport]:
        """Lines of a unit's journal, from its host's agent. Refusal when it cannot be asked, or does not answer."""
        row = self._fleet.alive.get(host)
        if row is None:
            known = host in self._fleet.known
            raise (
                unavailable(f"cannot read the journal of {host}: its agent is away")
                if known
                else not_found(f"cannot read the journal of {host}: there is no such host")
            )
        if not row.record.status:
            raise unavailable(f"cannot read the journal of {host}: its agent has no status endpoint")
        query = urlencode({"unit": unit, "lines": lines, **({"follow": 1} if follow else {})})
        try:
            async with aclosing(self._client.lines(row.record.status, f"{JOURNAL}?{query}", _PATIENCE)) as found:
                async for line in found:
                    yield decode(JournalReport, line, f"{JOURNAL} of {host}")
        except (StatusError, CodecError) as error:
            raise unavailable(f"cannot read the journal of {host}: {error}") from error
