"""`facelm live` as a person uses it: in a browser, until Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, browse
from clips import portrait
from commands import PATIENCE, started

PIXELS = "Array.from(picture.getContext('2d').getImageData(0, 0, picture.width, picture.height).data)"

GREEN = f"""((all) => {{
  let count = 0;
  for (let at = 0; at < all.length; at += 4) count += all[at + 1] > all[at] + 60;
  return count;
}})({PIXELS})"""
"""How many pixels are green, as points are."""


@pytest.fixture
def url() -> Iterator[str]:
    """Where a server listens, which Ctrl-C must end."""
    with started("live", "--port", 0, stdout=subprocess.PIPE) as running:
        assert running.stdout
        line = running.stdout.readline()
        yield line.split()[0]
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130 and errors == ""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")
def test_the_page_shows_the_camera_with_mask_and_points(url: str, tmp_path: Path) -> None:
    with browse(tmp_path, [portrait(at % 3, (180, 320), 1.0) for at in range(6)]) as page:
        page.open(url)
        state = page.wait_for("/^[0-9.]+ frames.s, 1 face$/.test(state.textContent) && state.textContent")
        assert "frames/s" in state
        assert page.run("Array.from(byId('model').options, (each) => each.value)")[0] == "tiny"
        drawn = page.run(PIXELS)
        page.run("byId('mask').click(), byId('points').click()")
        page.wait_for(f"{GREEN} === 0")
        plain = page.run(PIXELS)
        assert len(plain) == len(drawn) == 4 * 320 * 180
        changed = sum(abs(a - b) > 40 for a, b in zip(drawn, plain, strict=True))
        assert changed > 0.02 * len(plain)


def test_a_port_that_is_taken_is_told(facelm: Callable[..., subprocess.CompletedProcess[str]], url: str) -> None:
    port = url.rstrip("/").rpartition(":")[2]
    done = facelm("live", "--port", port)
    assert done.returncode == 2 and f"--port {port}: cannot be listened on" in done.stderr
