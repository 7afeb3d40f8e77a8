"""The I/O of a watch: carries out the steps of a Follower over streams that break; delivers through a queue."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from waypoint_core.errors import RegistryError
from waypoint_core.etcd import kv
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.endpoints import Endpoints, Stream, backoff
from waypoint_core.etcd.faults import Compacted, FutureRevision, judge_text
from waypoint_core.etcd.follow import Follower, Step
from waypoint_core.etcd.methods import RANGE, WATCH
from waypoint_core.etcd.reads import snapshot
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.registry import Removed, Rewound, Stale, Synced, WatchEvent, Written

log = logging.getLogger("waypoint.etcd.watch")

ASK_AFTER = 3.0
SILENCE = 5.0
_LONGEST_SILENCE = 60.0
_UNDELIVERED = 1000

_WatchStream = Stream[pb.WatchRequest, pb.WatchResponse]


class Watch(AsyncIterator[WatchEvent]):
    """Events of one prefix, until it is closed; a slow consumer holds back the stream, not the other watches."""

    def __init__(self, endpoints: Endpoints, prefix: str) -> None:
        self._endpoints = endpoints
        self._follower = Follower(prefix)
        self._events: asyncio.Queue[WatchEvent] = asyncio.Queue(_UNDELIVERED)
        self._pauses = backoff()
        self._patience = SILENCE
        self._heard = 0.0
        self._interrupted = False

    async def __anext__(self) -> WatchEvent:
        return await self._events.get()

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            try:
                await self._step()
            except Compacted:
                await self._deliver(self._follower.compacted())
            except FutureRevision as error:
                await self._deliver(self._follower.replaced(str(error)))
            except RegistryError as error:
                self._interrupted = True
                await self._deliver(self._follower.interrupted(str(error)))
                await asyncio.sleep(next(self._pauses))

    async def _step(self) -> None:
        match self._follower.step:
            case Step.LIST:
                found = await snapshot(self._endpoints, self._follower.prefix)
                await self._deliver(self._follower.listed(found))
            case Step.CHECK:
                answer = await self._endpoints.call(RANGE, self._follower.question(), idempotent=True)
                await self._deliver(self._follower.checked(answer))
            case Step.FOLLOW:
                await self._follow()

    async def _follow(self) -> None:
        async with self._endpoints.stream(WATCH) as stream, TaskOwner() as tasks:
            await stream.send(self._create())
            response = await stream.receive(self._endpoints.settings.attempt_timeout)
            self._note_resumed()
            tasks.start(self._ask(stream), name=f"etcd watch progress {self._follower.prefix}")
            while await self._take(stream, response):
                response = await self._next(stream)

    async def _take(self, stream: _WatchStream, response: pb.WatchResponse) -> bool:
        """Deliver what a message brought; False when the stream is of no more use."""
        self._heard = time.monotonic()
        await self._deliver(self._follower.received(response))
        if response.canceled and not response.compact_revision:
            raise stream.broken(judge_text(response.cancel_reason))
        return not response.canceled

    async def _next(self, stream: _WatchStream) -> pb.WatchResponse:
        # A member that scans a long history on our behalf is silent too: wait longer each time before giving it up.
        patience = self._patience
        if self._follower.catching_up:
            self._patience = min(_LONGEST_SILENCE, 2 * patience)
        response = await stream.receive(patience)
        self._patience = SILENCE
        return response

    async def _ask(self, stream: _WatchStream) -> None:
        """Ask for progress whenever the stream is silent: each answer proves that nothing is missing."""
        request = pb.WatchRequest(progress_request=pb.WatchProgressRequest())
        while True:
            owed = self._follower.catching_up
            try:
                if owed or time.monotonic() - self._heard >= ASK_AFTER:
                    await stream.send(request)
            except RegistryError:
                return
            await asyncio.sleep(0.2 if owed else 1.0)

    def _create(self) -> pb.WatchRequest:
        # Not from the revision after it: until that one has come, etcd tells no progress, and where the history was
        # compacted to that one, etcd may have forgotten a removal in it.
        start = self._follower.seen
        key, end = kv.prefix_range(self._follower.prefix)
        return pb.WatchRequest(
            create_request=pb.WatchCreateRequest(key=key, range_end=end, start_revision=start, fragment=True)
        )

    def _note_resumed(self) -> None:
        if self._interrupted:
            self._endpoints.observer.resumed()
        self._interrupted = False

    async def _deliver(self, events: list[WatchEvent]) -> None:
        self._endpoints.observer.delivered(sum(isinstance(event, Written | Removed) for event in events))
        for event in events:
            self._log(event)
            await self._events.put(event)

    def _log(self, event: WatchEvent) -> None:
        match event:
            case Stale(reason=reason):
                log.warning("watch of %s is stale: %s", self._follower.prefix, reason)
            case Rewound(reason=reason):
                log.error("watch of %s found the history replaced: %s", self._follower.prefix, reason)
            case Synced(revision=revision):
                log.info("watch of %s is synced at revision %d", self._follower.prefix, revision)
                self._pauses = backoff()
                self._patience = SILENCE
            case _:
                pass
