"""A small shop, and a page that is hostile on purpose."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MEGABYTE = 1024 * 1024
BIG = 50

SHOP = """<!doctype html><title>Shop</title><body style="margin:0;background:rgb(0,128,0)">
<h1 style="margin:0;height:40px">Shop</h1>
<button id=save onclick="status.textContent = 'Saved ' + ++clicks">Save</button>
<button id=menu onmouseenter="status.textContent = 'Menu'" ondblclick="status.textContent = 'Twice'">Menu</button>
<a href=/catalogue>Catalogue</a> <a href=/help target=_blank>Help</a> <a href=/report.csv>Report</a>
<p id=status></p>
<script>let clicks = 0; const status = document.getElementById('status')</script>"""
CATALOGUE = """<!doctype html><title>Catalogue</title><h1>Catalogue</h1><button disabled>Sold out</button>
<div style="height:3000px"></div><button onclick="document.title = 'End'">End</button>"""
FORM = """<!doctype html><title>Form</title>
<form><label>Name <input id=name></label><label>Size <select id=size><option value=s>Small<option value=l>Large</select>
</label><label>Terms <input type=checkbox id=terms></label><label>Files <input type=file id=files multiple></label>
<input type=file id=one><button type=button id=choose onclick="files.click()">Choose</button></form><p id=said></p>
<script>
const files = document.getElementById('files');
files.onchange = async () => {
  const read = [...files.files].map(async file => `${file.name} ${file.type} ${(await file.arrayBuffer()).byteLength}`);
  document.getElementById('said').textContent = (await Promise.all(read)).join(', ');
};
</script>"""
FRAMES = """<!doctype html><title>Frames</title><iframe name=inner id=frame src=/form></iframe>"""
DRAG = """<!doctype html><title>Drag</title><body style="margin:0">
<div id=box style="position:absolute;left:10px;top:10px;width:50px;height:50px;background:red"></div>
<div id=goal style="position:absolute;left:300px;top:200px;width:80px;height:80px;background:blue"></div>
<script>
let held = false;
const box = document.getElementById('box');
box.onmousedown = () => held = true;
onmousemove = event => { if (held) box.style.left = event.x - 25 + 'px', box.style.top = event.y - 25 + 'px' };
onmouseup = event => { held = false; document.title = `Dropped at ${event.x}, ${event.y}` };
</script>"""
DIALOGS = """<!doctype html><title>Dialogs</title>
<button onclick="document.title = 'confirmed ' + confirm('Delete it?')">Delete</button>
<button onclick="document.title = 'named ' + prompt('Name?')">Rename</button>
<script>onbeforeunload = event => event.preventDefault()</script>"""
DESK = """<!doctype html><title>Desk</title>
<button id=open onclick="window.open('/notes', 'notes', 'left=80,top=90,width=420,height=300')">Notes</button>"""
NOTES = """<!doctype html><title>Notes</title><body style="margin:0;background:rgb(255,0,255)">
<input id=note style="display:block;width:300px;height:40px">"""
NEWS = """<!doctype html><title>News</title><script>
console.warn('careful'); fetch('/missing'); setTimeout(() => { throw new Error('broken') })
</script>"""

# What goes wrong on real pages, all at once. Each step can be done only when the one before it has been.
HOSTILE = """<!doctype html><title>Hostile</title>
<style>
@font-face { font-family: slow; src: url(/slow?ms=60000) }
body { font-family: slow, sans-serif; margin: 0 }
#overlay { position: fixed; inset: 0; background: rgba(0, 0, 0, .5); z-index: 9 }
#moving { position: absolute; top: 100px; left: 0 }
</style>
<p id=log></p><div id=overlay>Please wait</div><button id=covered>Covered</button><div id=late></div>
<script>
const log = document.getElementById('log'), say = text => log.textContent += text + ' ';
const after = (ms, work) => setTimeout(work, ms), at = id => document.getElementById(id);
const button = (id, parent, done) => {
  const made = Object.assign(document.createElement('button'), { id, textContent: id });
  made.onclick = () => (say(id), done());
  parent.append(made);
  return made;
};
fetch('/large.json').then(answer => answer.json()).then(things => say('data' + things.length));
after(200, () => at('overlay').remove());
at('covered').onclick = () => {
  say('covered'), alert('An alert that nobody asked for');
  after(150, () => {
    const moving = button('moving', document.body, () => {
      after(100, () => {
        let done = false;
        for (let n = 0; n < 5; n++) after(40 * n, () => {
          if (!done) at('late').replaceChildren();
          if (!done) button('rerendered', at('late'), () => {
            done = true;
            const field = Object.assign(document.createElement('input'), { id: 'field', disabled: true });
            at('late').append(field), after(200, () => field.disabled = false);
            field.oninput = () => after(100, () => {
              const frame = Object.assign(document.createElement('iframe'), { name: 'pay', src: '/pay' });
              document.body.append(frame);
            });
          });
        });
      });
    });
    let place = 0;
    const move = setInterval(() => moving.style.left = (place += 20) + 'px', 16);
    after(300, () => clearInterval(move));
  });
};
onmessage = () => { say('paid'); after(50, () => location.href = '/hop?to=/hop?to=/thanks') };
</script>"""
PAY = """<!doctype html><script>setTimeout(() => {
  document.body.innerHTML = '<button onclick="parent.postMessage(1, location.origin)">Pay</button>';
}, 150)</script><body>"""
HOP = "<!doctype html><title>Hop</title><script>setTimeout(() => location.replace({to!r}), 30)</script>"
THANKS = "<!doctype html><title>Thanks</title><h1>Thanks</h1>"

_PAGES = {
    "/": SHOP,
    "/catalogue": CATALOGUE,
    "/form": FORM,
    "/frames": FRAMES,
    "/drag": DRAG,
    "/dialogs": DIALOGS,
    "/news": NEWS,
    "/desk": DESK,
    "/notes": NOTES,
    "/hostile": HOSTILE,
    "/pay": PAY,
    "/thanks": THANKS,
    "/help": "<!doctype html><title>Help</title><h1>Help</h1>",
    "/blank": "<!doctype html><title>Blank</title>",
}


@contextmanager
def serving(address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """The port that it has got."""
    with _Server((address, port), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.over = threading.Event()
        self.asked: set[str] = set()
        self.released: set[str] = set()

    def handle_error(self, request: object, client_address: object) -> None:
        """Browsers leave in the middle."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path in _PAGES:
            return self._answer(_PAGES[parts.path].encode())
        match parts.path:
            case "/echo":
                self._answer(json.dumps({name.lower(): value for name, value in self.headers.items()}).encode())
            case "/hop":
                self._answer(HOP.format(to=parts.query.removeprefix("to=")).encode())
            case "/slow":
                started = time.monotonic()
                while time.monotonic() < started + int(query["ms"]) / 1000 and not self.server.over.wait(0.05):
                    pass
                self._answer(b"<!doctype html><title>Slow</title>")
            case "/asked":  # once that which is held under the same query was asked for
                while parts.query not in self.server.asked and not self.server.over.wait(0.05):
                    pass
                self._answer(b"")
            case "/held":
                self.server.asked.add(parts.query)
                while parts.query not in self.server.released and not self.server.over.wait(0.05):
                    pass
                self._answer(b"<!doctype html><title>Held</title>")
            case "/release":  # all that is held under the same query, from now on
                self.server.released.add(parts.query)
                self._answer(b"")
            case "/strict":
                policy = "default-src 'none'; require-trusted-types-for 'script'"
                self._answer(b"<!doctype html><title>Strict</title>", headers={"Content-Security-Policy": policy})
            case "/report.csv":
                self._answer(b"a,b\n1,2\n", "text/csv", {"Content-Disposition": 'attachment; filename="report.csv"'})
            case "/picture.png":
                self._answer(b"\x89PNG", "image/png")
            case "/large.json":
                self._answer(json.dumps(["x" * 1000] * 5000).encode(), "application/json")
            case "/big":
                self._big()
            case _:
                self._answer(b"<!doctype html><title>Nothing</title>", status=404)
        return None

    def _big(self) -> None:
        self.send_response(200)
        self.send_header("Content-Disposition", 'attachment; filename="big.bin"')
        self.send_header("Content-Length", str(BIG * MEGABYTE))
        self.end_headers()
        for number in range(BIG):
            self.wfile.write(bytes([number]) * MEGABYTE)

    def _answer(
        self, body: bytes, kind: str = "text/html", headers: dict[str, str] | None = None, status: int = 200
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass
