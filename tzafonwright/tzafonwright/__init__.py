"""One WebSocket to a browser of the fleet, with Playwright hidden behind it.

    client       the asyncio client: every action a method
    sync         the same without await; generated from client
    connection   one WebSocket: sends actions, hands each its answer, says why it ended
    outbox       what is sent on it, in order, and what does not get through

Sans-I/O, shared with the server:
    actions      what can be done, with its arguments and bounds, and what it gives
    exchange     a client's end of both versions of the protocol
    protocol     frames of the second version
    v1           messages of the first version
    commands     commands of the first version as actions, and back
    errors       the one exception tree

    server/      the Playwright-backed server, one a host (needs tzafonwright[server])
"""

from tzafonwright.actions import Dialog, Download, Frame, Happening, Page, Snapshot, Tab
from tzafonwright.client import TzafonWrightClient, connect_tzafonwright
from tzafonwright.errors import (
    ActionFailed,
    ActionTimeout,
    BrowserLost,
    BrowserOutOfMemory,
    Code,
    ConnectionLost,
    InvalidAction,
    ProtocolError,
    ServerLost,
    SessionLost,
    TzafonWrightError,
    Unsupported,
)
from tzafonwright.v1 import ActionType, Command, Result

__all__ = [
    "ActionFailed",
    "ActionTimeout",
    "ActionType",
    "BrowserLost",
    "BrowserOutOfMemory",
    "Code",
    "Command",
    "ConnectionLost",
    "Dialog",
    "Download",
    "Frame",
    "Happening",
    "InvalidAction",
    "Page",
    "ProtocolError",
    "Result",
    "ServerLost",
    "SessionLost",
    "Snapshot",
    "Tab",
    "TzafonWrightClient",
    "TzafonWrightError",
    "Unsupported",
    "connect_tzafonwright",
]
