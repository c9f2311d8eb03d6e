"""The commands that measure: which scores they write, and over what."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from common import draw_face, write_pair

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_scores_that_are_there_are_written_over_when_asked_to(facelm: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "data", "00", *draw_face(64, 0))
    out = tmp_path / "out"
    command = ["evaluate", "--data", tmp_path / "data", "-o", out]
    assert facelm(*command).returncode == 0
    scores = (out / "scores.json").read_text()
    assert sorted(path.name for path in out.iterdir()) == ["confusion.png", "scores.json"]
    (out / "scores.json").write_text("old")
    refused = facelm(*command)
    assert refused.returncode == 2 and not refused.stdout
    assert refused.stderr.endswith(f"{out}/scores.json exists already: --overwrite writes it anew\n")
    assert (out / "scores.json").read_text() == "old"
    assert facelm(*command, "--overwrite").returncode == 0
    assert (out / "scores.json").read_text() == scores
