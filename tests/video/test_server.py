"""The server of the live look: what it answers, and to whom."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from clips import portrait, to_jpeg

from facelm.parsing.parser import FaceParser
from facelm.pictures import images
from facelm.video.live import LiveView
from facelm.video.server import MOST_BYTES, LiveServer

Ask = Callable[..., http.client.HTTPResponse]


@pytest.fixture
def server(parser: FaceParser) -> Iterator[LiveServer]:
    """A server that listens."""
    with LiveServer(LiveView(lambda name: parser), ["lite", "resnet50"], 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ask(server: LiveServer) -> Ask:
    """Sends a request as its page does, but for what the test says."""

    def send(method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
        host = f"127.0.0.1:{server.server_port}"
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        given = {"Host": host, "Origin": f"http://{host}"} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        connection.request(method, path, body, {name: text for name, text in given.items() if text})
        return connection.getresponse()

    return send


def test_it_listens_on_the_loopback_alone(server: LiveServer) -> None:
    assert server.server_address[0] == "127.0.0.1" and server.url == f"http://127.0.0.1:{server.server_port}/"


def test_the_page_takes_nothing_from_elsewhere(ask: Ask) -> None:
    answer = ask("GET", "/")
    page = answer.read().decode()
    assert answer.status == 200 and '["lite", "resnet50"]' in page
    assert "http://" not in page and "https://" not in page
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert ask("GET", "/other").status == 404


def test_a_frame_comes_back_drawn(ask: Ask) -> None:
    answer = ask("POST", "/frame?session=a&model=lite&mask=1&points=1&smooth=1", to_jpeg(portrait()))
    assert (answer.status, answer.headers["X-Faces"], answer.headers["X-Hands"]) == (200, "1", "0")
    assert images.decode(answer.read(), "drawn").shape == portrait().shape


@pytest.mark.parametrize("origin", ["", "http://evil.example", "null", "https://127.0.0.1"])
def test_frames_of_other_pages_are_refused(ask: Ask, origin: str) -> None:
    assert ask("POST", "/frame?session=a", to_jpeg(portrait()), Origin=origin).status == 403


def test_a_name_that_only_points_here_is_refused(ask: Ask) -> None:
    assert ask("GET", "/", Host="evil.example:80").status == 403
    assert ask("POST", "/frame", b"x", Host="evil.example:80", Origin="http://evil.example:80").status == 403
    # Through ssh the port is another one.
    assert ask("GET", "/", Host="localhost:9000").status == 200
    assert (
        ask("POST", "/frame", to_jpeg(portrait()), Host="localhost:9000", Origin="http://localhost:9000").status == 200
    )


def test_what_is_no_frame_is_refused(ask: Ask) -> None:
    assert ask("POST", "/frame", b"GIF89a").status == 422
    assert ask("POST", "/frame", b"", Content_Length=str(MOST_BYTES + 1)).status == 413
    assert ask("POST", "/frame", b"", Content_Length="9" * 5000).status == 413  # more digits than int() takes
    assert ask("POST", "/frame", b"", Content_Length="-1").status == 411
    assert ask("POST", "/frame?model=../../etc/passwd", to_jpeg(portrait())).status == 404
    assert ask("POST", "/elsewhere", to_jpeg(portrait())).status == 404


def test_a_page_that_is_closed_while_its_frame_is_drawn_is_no_error(
    server: LiveServer, ask: Ask, capfd: pytest.CaptureFixture[str]
) -> None:
    host = f"127.0.0.1:{server.server_port}"
    frame = to_jpeg(portrait())
    head = f"POST /frame HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Length: {len(frame)}\r\n\r\n"
    for part in (head.encode(), head.encode() + frame):
        with socket.create_connection(("127.0.0.1", server.server_port)) as gone:
            gone.sendall(part)
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # as a process that dies
    assert ask("POST", "/frame", frame).status == 200
    assert capfd.readouterr().err == ""
