"""Ctrl-C while a clip is worked on, as a person presses it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from clips import portrait, write_clip
from commands import PATIENCE, started, wait_until

from facelm.video.clips import Clip

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_ctrl_c_leaves_a_playable_video_that_is_not_taken_for_whole(facelm: Run, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", [portrait(at % 5) for at in range(300)], sound=2.0)
    out = tmp_path / "out"
    manifest = tmp_path / "run.jsonl"
    with started("overlay", clip, "-o", out, "--manifest", manifest) as running:
        # The first bytes reach the file when the encoder has seen enough frames.
        wait_until(lambda: any(path.stat().st_size for path in out.glob(".facelm-*")), running)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    frames = list(Clip(out / "a.overlay.mp4").read())
    assert 1 <= len(frames) < 300 and f"stopped after {len(frames)} frames" in errors
    assert json.loads(manifest.read_text())["frames"] == len(frames)
    assert not list(out.glob(".facelm-*"))
    again = facelm("overlay", clip, "-o", out, "--skip-existing", "--every", 50, "--no-mask")
    assert again.returncode == 0, again.stderr
    assert [frame.number for frame in Clip(out / "a.overlay.mp4").read()] == list(range(6))
    assert sorted(path.name for path in out.iterdir()) == ["a.overlay.mp4"]
