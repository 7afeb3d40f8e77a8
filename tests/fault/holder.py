"""A client to be killed or frozen: holder.py HOST ponging|silent. It takes a session, prints its browser's pid, stays.

`ponging` answers pings, as most clients do; `silent` reads everything and never answers one, as chromedp does.
"""

import base64
import json
import os
import socket
import sys
from contextlib import suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

QUESTION = json.dumps({"id": 1, "method": "SystemInfo.getProcessInfo"})


def main(host: str, manner: str) -> None:
    {"ponging": ponging, "silent": silent}[manner](host)


def tell(answer: str | bytes) -> None:
    processes = json.loads(answer)["result"]["processInfo"]
    print(next(process["id"] for process in processes if process["type"] == "browser"), flush=True)


def ponging(host: str) -> None:
    with connect(f"ws://{host}:9222", compression=None, ping_interval=None, open_timeout=90) as client:
        client.send(QUESTION)
        tell(client.recv())
        with suppress(ConnectionClosed):
            for _ in client:
                pass


def silent(host: str) -> None:
    with socket.create_connection((host, 9222)) as client, client.makefile("rb") as stream:
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
        client.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        while stream.readline() != b"\r\n":
            pass
        question = QUESTION.encode()
        client.sendall(bytes([0x81, 0x80 | len(question)]) + bytes(4) + question)
        while True:
            kind, size = stream.read(2)
            size = int.from_bytes(stream.read({126: 2, 127: 8}[size])) if size > 125 else size
            payload = stream.read(size)
            if kind == 0x81 and b'"result"' in payload:  # the proxy says things, too
                tell(payload)


main(*sys.argv[1:])
