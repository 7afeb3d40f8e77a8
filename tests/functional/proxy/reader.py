"""A client in a process of its own: connects, says "ready", then only reads; pongs when told to.

reader.py PORT ponging|silent HISTORY: HISTORY bytes are fetched from the browser first, which widens the window.
"""

import base64
import json
import os
import socket
import sys


def frame(opcode: int, payload: bytes) -> bytes:
    """One masked frame; a mask of zeros leaves the payload as it is."""
    size = len(payload)
    head = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + head + bytes(4) + payload


def exactly(client: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        if not (chunk := client.recv(min(65536, size - len(data)))):
            sys.exit("closed")
        data += chunk
    return bytes(data)


def read(client: socket.socket) -> tuple[int, bytes]:
    first, size = exactly(client, 2)
    if size == 126:
        size = int.from_bytes(exactly(client, 2), "big")
    elif size == 127:
        size = int.from_bytes(exactly(client, 8), "big")
    return first & 0xF, exactly(client, size)


def main() -> None:
    port, manner, history = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    client = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(client, 1)

    def answer_to(number: int, method: str, params: dict[str, object], session: str = "") -> dict[str, object]:
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        client.sendall(frame(1, json.dumps(message).encode()))
        while True:
            opcode, payload = read(client)
            if opcode == 9 and manner == "ponging":
                client.sendall(frame(10, payload))
            if opcode == 1 and json.loads(payload).get("id") == number:
                return json.loads(payload)["result"]

    answer_to(1, "Browser.getVersion", {})
    if history:
        target = answer_to(2, "Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = answer_to(3, "Target.attachToTarget", {"targetId": target, "flatten": True})
        expression = f"'x'.repeat({history})"
        answer_to(4, "Runtime.evaluate", {"expression": expression}, str(attached["sessionId"]))
    print("ready", flush=True)
    while True:
        opcode, payload = read(client)
        if opcode == 9 and manner == "ponging":
            client.sendall(frame(10, payload))


if __name__ == "__main__":
    main()
