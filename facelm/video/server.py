"""The server of the live look: a page on the loopback, and frames that come from that page alone.

A browser lets any site send requests to this machine. So the host must be a name of the loopback, which a site that
points its own name here cannot have (DNS rebinding), and the origin of a frame must be that same host.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from facelm.engines.weights import ModelError
from facelm.pictures.files import ImageError
from facelm.video.live import LiveView, Switches

LOOPBACK = "127.0.0.1"
MOST_BYTES = 4_000_000
"""Of a frame."""

_NAMES = frozenset({LOOPBACK, "localhost", "[::1]"})
_PATIENCE = 10.0  # seconds for a request that does not come to its end
_LONGEST = 64  # characters of the name of a session, and of a number
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline'; img-src 'self' blob:; frame-ancestors 'none'",
}


class LiveServer(ThreadingHTTPServer):
    """Serves the page and draws the frames that it sends.

    Args:
        view: Draws.
        models: Names of the models that a page may ask for, the first of them at the start.
        port: Of the loopback; 0 takes one that is free.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, view: LiveView, models: Sequence[str], port: int) -> None:
        self.view = view
        self.models = models
        page = Path(__file__).with_name("live.html").read_text(encoding="utf-8")
        self.page = page.replace('"MODELS"', json.dumps(models).replace("<", "\\u003c")).encode()
        super().__init__((LOOPBACK, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A page that is closed while its frame is drawn is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: LiveServer
    server_version = "facelm"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """The page."""
        if self._is_stranger():
            return
        if urlsplit(self.path).path != "/":
            self._refuse(HTTPStatus.NOT_FOUND, "there is only the page /")
            return
        self._answer(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)

    def do_POST(self) -> None:
        """A frame: it comes back drawn over."""
        if self._is_stranger():
            return
        if self.headers.get("Origin") != f"http://{self.headers.get('Host')}":
            self._refuse(HTTPStatus.FORBIDDEN, "frames are taken from the page of this server only")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdecimal():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "say how long the frame is")
            return
        if len(length) > _LONGEST or int(length) > MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a frame has at most {MOST_BYTES:,} bytes")
            return
        jpeg = self.rfile.read(int(length))
        url = urlsplit(self.path)
        asked = {key: values[-1] for key, values in parse_qs(url.query).items()}
        model, session = asked.get("model", self.server.models[0]), asked.get("session", "")
        if url.path != "/frame" or model not in self.server.models or len(session) > _LONGEST:
            self._refuse(HTTPStatus.NOT_FOUND, "frames go to /frame, for one of the models of the page")
            return
        mask, points, smooth = (asked.get(name, "1") == "1" for name in ("mask", "points", "smooth"))
        switches = Switches(mask, points, asked.get("hands") == "1", smooth, model)
        try:
            drawn = self.server.view.draw(session, jpeg, switches)
        except (ImageError, ModelError) as error:
            self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
            return
        found = {"X-Faces": str(drawn.faces), "X-Hands": str(drawn.hands)}
        found["X-Milliseconds"] = f"{1000 * drawn.seconds:.1f}"
        self._answer(HTTPStatus.OK, "image/jpeg", drawn.jpeg, found)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: there are many frames a second."""

    def _is_stranger(self) -> bool:
        """Refuse a request that was not sent to the loopback by its name."""
        host = self.headers.get("Host", "").rpartition(":")
        if (host[0] or host[2]) in _NAMES:
            return False
        self._refuse(HTTPStatus.FORBIDDEN, "this server is for its own machine")
        return True

    def _refuse(self, status: HTTPStatus, cause: str) -> None:
        self.close_connection = True  # the rest of the request is not read
        self._answer(status, "text/plain; charset=utf-8", cause.encode(), {"Connection": "close"})

    def _answer(self, status: HTTPStatus, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **(more or {}), "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
