"""A headless Chromium, told what to do over a pipe (DevTools protocol), with a clip in place of a camera."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from clips import to_jpeg
from commands import PATIENCE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """A page that is open in the browser."""

    def __init__(self, into: int, out: int) -> None:
        self._into, self._out = into, out
        self._rest = b""
        self._count = 0
        self._session: str | None = None

    def open(self, url: str) -> None:
        target = self._tell("Target.createTarget", url=url)["targetId"]
        self._session = self._tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def run(self, script: str) -> Any:
        """The value of an expression."""
        return self._tell("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def wait_for(self, script: str) -> Any:
        """The value of an expression when it is true."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, self.run("document.body.innerText")
            time.sleep(0.2)
        return value

    def _tell(self, method: str, **parameters: object) -> dict[str, Any]:
        self._count += 1
        message: dict[str, object] = {"id": self._count, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._into, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                assert select.select([self._out], [], [], PATIENCE)[0], "the browser does not answer"
                part = os.read(self._out, 1 << 16)
                assert part, "the browser has ended"
                self._rest += part
            answer, _, self._rest = self._rest.partition(b"\0")
            found = json.loads(answer)
            if found.get("id") == self._count:
                return dict(found["result"])


@contextmanager
def browse(folder: Path, camera: Sequence[np.ndarray]) -> Iterator[Page]:
    """Start a browser.

    Args:
        folder: For its profile and the clip.
        camera: Frames (H, W, 3) that the camera shows again and again.
    """
    assert CHROMIUM is not None
    clip = folder / "camera.mjpeg"
    with clip.open("wb") as file:
        for frame in camera:
            file.write(to_jpeg(frame))
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        f"--user-data-dir={folder / 'profile'}", "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={clip}", "--remote-debugging-pipe",
    ]  # fmt: skip
    reads, into = os.pipe()
    out, writes = os.pipe()
    # The browser reads commands from 3 and answers on 4.
    shell = f'exec 3<&{reads} 4>&{writes}; exec "$@"'
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", *command], pass_fds=(reads, writes), stderr=subprocess.DEVNULL
    )
    try:
        yield Page(into, out)
    finally:
        process.kill()
        process.wait()
        for each in (reads, into, out, writes):
            os.close(each)
