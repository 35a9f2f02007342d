"""A page that gets a camera by getUserMedia, sends it to itself by an RTCPeerConnection, and tells what it sees."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from rtdenoise.frames import Planes, convert, planes_from_array
from rtdenoise.sinks import open_sink

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
WIDTH, HEIGHT, BAR = 640, 360, 80
BARS = [(235, 235, 235), (200, 200, 0), (0, 180, 180), (0, 160, 0),
        (160, 0, 160), (180, 30, 30), (30, 30, 180), (20, 20, 20)]  # fmt: skip
PAGE = """<!doctype html><video id=camera muted></video><video id=received muted></video><script>
const tell = text => fetch('/done', {method: 'POST', body: JSON.stringify(text)});
function columns(video) {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  // the mean of some rows: on a busy machine the ladder may show the camera's own, noisy picture
  const [width, rows] = [video.videoWidth, 32];
  const data = context.getImageData(0, video.videoHeight / 2, width, rows).data;
  const mean = i => Array.from({length: rows}, (_, y) => data[4 * width * y + i]).reduce((a, b) => a + b) / rows;
  return Array.from({length: width}, (_, i) => [mean(4 * i), mean(4 * i + 1), mean(4 * i + 2)]);
}
async function camera() {
  for (let tries = 40; ; tries--) {  // a browser that has just begun may not have looked for cameras yet
    try {
      return await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 360}});
    } catch (error) {
      if (error.name !== 'NotFoundError' || !tries) throw error;
      await new Promise(done => setTimeout(done, 500));
    }
  }
}
const frames = (video, count) => new Promise(done => {
  const next = () => --count ? video.requestVideoFrameCallback(next) : done();
  video.requestVideoFrameCallback(next);
});
(async () => {
  const stream = await camera();
  const shown = document.getElementById('camera');
  shown.srcObject = stream;
  await shown.play();
  const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
  a.onicecandidate = event => b.addIceCandidate(event.candidate);
  b.onicecandidate = event => a.addIceCandidate(event.candidate);
  const received = document.getElementById('received');
  b.ontrack = event => { received.srcObject = event.streams[0]; received.play(); };
  stream.getTracks().forEach(track => a.addTrack(track, stream));
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  await frames(received, 40);
  tell({label: stream.getVideoTracks()[0].label, seen: columns(shown), received: columns(received)});
})().catch(error => tell({error: String(error)}));
</script>"""


class Page(BaseHTTPRequestHandler):
    told: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode() if self.path == "/" else b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def film(path: Path, rate_fps: int = 10) -> None:
    """Bars in full range, as a webcam's Motion JPEG has it, with noise, as long as the test may take."""
    picture = np.repeat(np.array(BARS, np.uint8), BAR, axis=0)[None].repeat(HEIGHT, axis=0)
    bars = convert(planes_from_array(picture, "rgb"), "420", True, "bt601")
    rng = np.random.default_rng(3)
    noisy = [
        np.clip(bars.y + rng.normal(0, 3, bars.y.shape), 0, 255).round().astype(np.uint8)
        for _ in range(8)
    ]
    sink = open_sink(str(path), format=bars.format, rate_fps=Fraction(rate_fps))
    for index in range(900):
        luma = noisy[index % len(noisy)]
        sink.write(Planes(luma, bars.u, bars.v, bars.format, index / rate_fps))
    sink.close()


def check(columns: list[list[int]], margin: int, tolerance: int) -> None:
    """Each bar has its colour, up to ``margin`` pixels beside its neighbours."""
    row = np.array(columns)
    bar = len(row) // len(BARS)
    for index, colour in enumerate(BARS):
        inner = row[index * bar + margin : (index + 1) * bar - margin]
        assert np.abs(inner - colour).max() <= tolerance, (index, inner.min(0), inner.max(0))
