"""A client in a process of its own: joins a session, says "ready", then only reads.

reader.py PORT MANNER HISTORY: `ponging` answers pings, `silent` does not, `rod` asks as that client does and takes each
frame for a message; HISTORY bytes are fetched from the browser first, which widens the window.
"""

import base64
import json
import os
import socket
import sys

SESSION = "the-session-of-all-readers"


def frame(opcode: int, payload: bytes) -> bytes:
    """One masked frame; a mask of zeros leaves the payload as it is."""
    size = len(payload)
    head = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + head + bytes(4) + payload


def exactly(client: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        if not (chunk := client.recv(min(65536, size - len(data)))):
            sys.exit(7)
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
    agent, key = "reader", base64.b64encode(os.urandom(16)).decode()
    if manner == "rod":
        agent, key = "Go-http-client/1.1", "nil"
    client.sendall(
        f"GET /devtools/browser/{SESSION} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"User-Agent: {agent}\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(client, 1)

    def hear() -> object:
        """The next message; None: another frame."""
        opcode, payload = read(client)
        if opcode == 9 and manner == "ponging":
            client.sendall(frame(10, payload))
        return json.loads(payload) if opcode == 1 or manner == "rod" else None

    def answer_to(number: int, method: str, params: dict[str, object], session: str = "") -> dict[str, object]:
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        client.sendall(frame(1, json.dumps(message).encode()))
        while True:
            match hear():
                case {"id": found, "result": dict(result)} if found == number:
                    return result

    answer_to(1, "Browser.getVersion", {})
    if history:
        target = answer_to(2, "Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = answer_to(3, "Target.attachToTarget", {"targetId": target, "flatten": True})
        expression = f"'x'.repeat({history})"
        answer_to(4, "Runtime.evaluate", {"expression": expression}, str(attached["sessionId"]))
    print("ready", flush=True)
    while True:
        hear()


if __name__ == "__main__":
    main()
