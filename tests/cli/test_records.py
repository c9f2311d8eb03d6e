"""Runs that write one file for all pictures: what goes on, and what is whole or not there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import PATIENCE, lines, started

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_broken_run_of_landmarks_goes_on_to_the_same_file(facelm: Run, photos: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    assert facelm("landmarks", photos, "-o", whole).returncode == 0
    first, second, third = whole.read_text().splitlines(keepends=True)
    failed = json.dumps({"image": json.loads(second)["image"], "error": "was not there yet"}) + "\n"
    broken.write_text(third + failed + first[:100])
    assert facelm("landmarks", photos, "-o", broken).returncode == 2
    done = facelm("landmarks", photos, "-o", broken, "--skip-existing", "--json")
    assert done.returncode == 0
    assert [Path(line["image"]).name for line in lines(done.stdout)] == ["a.png", "b.jpg"]
    assert broken.read_bytes() == whole.read_bytes()
    (tmp_path / "other.jsonl").write_text("[]\n")
    done = facelm("landmarks", photos, "-o", tmp_path / "other.jsonl", "--skip-existing")
    assert done.returncode == 2 and "cannot be read as JSON lines" in done.stderr


def test_an_earlier_run_over_other_pictures_stays_in_the_file(facelm: Run, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.jsonl"
    assert facelm("landmarks", photos / "a.png", "-o", out).returncode == 0
    first = out.read_text()
    assert facelm("landmarks", photos / "b.jpg", "-o", out, "--skip-existing").returncode == 0
    assert out.read_text().startswith(first)
    assert [Path(line["image"]).name for line in lines(out.read_text())] == ["a.png", "b.jpg"]


@pytest.mark.parametrize("format", ["csv", "npz"])
def test_a_stopped_run_leaves_no_part_of_a_file_for_all_pictures(photos: Path, tmp_path: Path, format: str) -> None:
    for copy in range(300):
        os.link(photos / "a.png", photos / f"copy{copy:03}.png")
    out = tmp_path / "out" / f"faces.{format}"
    command = ["landmarks", photos, "--format", format, "-o", out, "--json"]
    with started(*command, stdout=subprocess.PIPE) as running:
        assert running.stdout and running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 143
    assert f"{out}: stopped, so it is not written" in errors
    assert list(out.parent.iterdir()) == []


def test_a_folder_is_no_file_for_landmarks(facelm: Run, photos: Path, tmp_path: Path) -> None:
    done = facelm("landmarks", photos / "a.png", "-o", tmp_path, "--format", "csv", "--skip-existing")
    assert done.returncode == 2 and "cannot be written (a folder" in done.stderr
