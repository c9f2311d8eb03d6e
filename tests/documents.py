"""Pages as a headless Chromium shows them, read from the disk and without a network."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from browser import CHROMIUM
from commands import PATIENCE


def browse(page: Path, state: str = "", script: str = "") -> str:
    """What the document of a page is once its scripts have run, read from the disk and without a network.

    Args:
        page: The file.
        state: What stands behind the ``#`` of its address.
        script: JavaScript that is run at the end of the page.
    """
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    if script:
        page = page.with_name(f"scripted {page.name}")
        source = page.with_name(page.name.removeprefix("scripted ")).read_text("utf-8")
        page.write_text(source.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    profile = page.parent / "profile"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=2000"]
    offline = ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}", "--dump-dom"]
    done = subprocess.run(
        [CHROMIUM, *options, *offline, f"{page.as_uri()}#{state}"], capture_output=True, text=True, timeout=PATIENCE
    )
    told = re.findall(r"CONSOLE.*", done.stderr)
    assert not told, told
    assert "</html>" in done.stdout, done.stderr
    return done.stdout
