"""Pages for the browser's tests, on two sites of loopback, and scripts that answer in one value."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

FORM = """<!doctype html><title>Form</title><body style="margin:0;background:rgb(0,128,0)">
<input id=name><button onclick="document.title = 'Hello ' + document.getElementById('name').value">Go</button>
<a href=/file>file</a><div style="height:3000px"></div>"""
SERVICE_WORKER = "self.onfetch = event => event.respondWith(new Response('from the worker'))"
SHARED_WORKER = "self.onconnect = event => event.ports[0].postMessage(6 * 7)"

PIXEL = """async url => {
  const image = new Image();
  image.src = url, await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
  const ink = canvas.getContext('2d');
  ink.drawImage(image, 0, 0);
  return [...ink.getImageData(image.width - 1, image.height - 1, 1, 1).data].slice(0, 3);
}"""
WEBGL = """kind => {
  const gl = document.createElement('canvas').getContext(kind);
  const shader = (type, text) => {
    const made = gl.createShader(type);
    gl.shaderSource(made, text), gl.compileShader(made);
    return made;
  };
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl.VERTEX_SHADER,
    'attribute vec2 at; void main() { gl_Position = vec4(at, 0, 1); }'));
  gl.attachShader(program, shader(gl.FRAGMENT_SHADER, 'void main() { gl_FragColor = vec4(1, 0, 1, 1); }'));
  gl.linkProgram(program), gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
  const at = gl.getAttribLocation(program, 'at');
  gl.enableVertexAttribArray(at), gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 0, 0);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  const pixel = new Uint8Array(4);
  gl.readPixels(7, 7, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  return [...pixel];
}"""

# Many more small textures than any page should have; what is wrong with the first, a middle one and the last.
TEXTURES = """many => {
  const gl = document.createElement('canvas').getContext('webgl');
  const colour = number => number % 251 + 1;
  const made = Array.from({ length: many }, (_, number) => {
    const texture = gl.createTexture(), pixels = new Uint8Array(64).fill(colour(number));
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 4, 4, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    return texture;
  });
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  const wrong = [0, many >> 1, many - 1].filter(number => {
    const pixel = new Uint8Array(4);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, made[number], 0);
    gl.readPixels(1, 1, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    return pixel[0] !== colour(number);
  });
  return { wrong, error: gl.getError(), lost: gl.isContextLost() };
}"""

# Records a red canvas for 30 frames and half a second, plays the recording, and draws a frame of it.
VIDEO = """async () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 });
  const ink = canvas.getContext('2d');
  let drawing = true, drawn = 0, waits = 0;
  (function draw() {
    ink.fillStyle = 'rgb(255, 0, 0)', ink.fillRect(0, 0, 64, 64), drawn++;
    if (drawing) requestAnimationFrame(draw);
  })();
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: 'video/webm;codecs=vp8' });
  const parts = [], stopped = new Promise(done => recorder.onstop = done);
  recorder.ondataavailable = event => parts.push(event.data);
  recorder.start();
  do await new Promise(done => setTimeout(done, 500)); while (drawn < 30 && ++waits < 40);
  recorder.stop(), await stopped, drawing = false;
  const video = document.createElement('video');
  video.src = URL.createObjectURL(new Blob(parts, { type: 'video/webm' }));
  document.body.append(video);
  const ended = new Promise(done => video.onended = done);
  await video.play(), await ended;
  ink.clearRect(0, 0, 64, 64), ink.drawImage(video, 0, 0);
  const quality = video.getVideoPlaybackQuality();
  return { time: video.currentTime, frames: quality.totalVideoFrames, pixel: [...ink.getImageData(32, 32, 1, 1).data] };
}"""

# A tone of 0.1 s through the whole graph, and a context that plays in real time.
AUDIO = """async () => {
  const tone = context => {
    const source = context.createOscillator();
    source.connect(context.destination), source.start();
  };
  const offline = new OfflineAudioContext(1, 4410, 44100);
  tone(offline);
  const peak = Math.max(...(await offline.startRendering()).getChannelData(0));
  const live = new AudioContext();
  tone(live), await live.resume();
  for (let n = 0; live.currentTime <= 0.1 && n < 200; n++) await new Promise(done => setTimeout(done, 100));
  return { peak, state: live.state, time: live.currentTime };
}"""

WORKER = """() => new Promise(done => {
  const text = 'onmessage = event => postMessage(event.data * 2)';
  const worker = new Worker(URL.createObjectURL(new Blob([text])));
  worker.onmessage = event => done(event.data), worker.postMessage(21);
})"""
USE_SHARED_WORKER = """() => new Promise(done => {
  new SharedWorker('/shared-worker.js').port.onmessage = event => done(event.data);
})"""
USE_SERVICE_WORKER = """async () => {
  await navigator.serviceWorker.register('/service-worker.js');
  const worker = (await navigator.serviceWorker.ready).active;
  if (worker.state !== 'activated') await new Promise(done => worker.onstatechange = done);
}"""

POSITION = """() => new Promise(done => navigator.geolocation.getCurrentPosition(
  position => done(position.coords.latitude), error => done(error.code)))"""
STORAGE = """async () => {
  localStorage.setItem('kept', 'local');
  const opened = indexedDB.open('kept', 1);
  opened.onupgradeneeded = () => opened.result.createObjectStore('things').put('indexed', 1);
  await new Promise((done, failed) => (opened.onsuccess = done, opened.onerror = failed));
  const read = opened.result.transaction('things').objectStore('things').get(1);
  await new Promise(done => read.onsuccess = done);
  return [localStorage.getItem('kept'), read.result];
}"""


@dataclass(frozen=True, slots=True)
class Sites:
    """One server under two names, which the browser takes for two sites."""

    here: str
    elsewhere: str


@contextmanager
def serving() -> Iterator[Sites]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Sites(*(f"http://{name}:{server.server_port}" for name in ("127.0.0.1", "localhost")))
        finally:
            server.shutdown()
            thread.join()


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        elsewhere = f"http://localhost:{self.server.server_port}"  # type: ignore[attr-defined]
        script = {"Content-Type": "text/javascript"}
        match urlsplit(self.path).path:
            case "/form":
                self._answer(FORM)
            case "/frame":
                self._answer(f"<!doctype html><title>Outer</title><iframe src={elsewhere}/form></iframe>")
            case "/file":
                self._answer("quarterly", {"Content-Disposition": 'attachment; filename="report.txt"'})
            case "/service-worker.js":
                self._answer(SERVICE_WORKER, script)
            case "/shared-worker.js":
                self._answer(SHARED_WORKER, script)
            case _:
                self._answer("<!doctype html><title>Blank</title>")

    def _answer(self, body: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": "text/html", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass
