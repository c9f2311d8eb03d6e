"""Standard streams that mean ill, and names that are no text: what is told, and with which exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import portrait, write_clip
from common import ROOT, draw_face, write_pair
from PIL import Image

Run = Callable[..., subprocess.CompletedProcess[str]]

FULL = Path("/dev/full")
FACE = "sample_images/person.jpg"
PRINTING = {
    "records": ["landmarks", FACE],
    "records to -": ["landmarks", FACE, "-o", "-"],
    "a manifest": ["parse", FACE, "-o", "OUT", "--json"],
    "classes": ["classes"],
    "help": ["--help"],
    "a version": ["--version"],
}


def shell(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script of bash in which ``facelm "$@"`` is a command."""
    start = f"facelm() {{ '{sys.executable}' -m facelm \"$@\"; }}; {script}"
    command = ["bash", "-c", start, "bash", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
@pytest.mark.parametrize("kind", PRINTING)
def test_standard_output_that_is_full_is_told_in_a_line(kind: str, tmp_path: Path) -> None:
    done = shell('facelm "$@" > /dev/full', *(str(tmp_path) if word == "OUT" else word for word in PRINTING[kind]))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1:] == ["standard output: cannot be written (No space left on device)"]
    assert "Traceback" not in done.stderr


def test_whoever_reads_no_more_ends_it_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)  # before anything is written, or a pipe's room may take all of it
    command = [sys.executable, "-m", "facelm", "landmarks", FACE]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)
    assert done.returncode == 1 and not done.stderr


def test_another_file_that_fails_is_not_called_standard_output(facelm: Run, tmp_path: Path) -> None:
    name = tmp_path / ("x" * 300)
    for arguments in (["parse", FACE, "-o", tmp_path, "--model", name], ["evaluate", "--data", name]):
        done = facelm(*arguments)
        assert done.returncode in (1, 2) and not done.stdout
        (line,) = done.stderr.splitlines()
        assert str(name) in line and "standard output" not in line


def test_a_dash_is_standard_output(facelm: Run, tmp_path: Path) -> None:
    done = shell(f"cd '{tmp_path}'; PYTHONPATH='{ROOT}' facelm landmarks '{ROOT / FACE}' -o -")
    assert done.returncode == 0 and len(json.loads(done.stdout)["faces"]) == 1
    assert not list(tmp_path.iterdir())
    refused = facelm("landmarks", FACE, "--format", "npz", "-o", "-")
    assert refused.returncode == 2 and "does not go to standard output" in refused.stderr


@pytest.mark.parametrize("columns", ["0", "-5", "many", ""])
def test_a_terminal_of_no_columns_shows_something(columns: str, facelm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert "neck_l" in facelm("classes").stdout


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_names_that_are_no_text_are_inputs_and_outputs(facelm: Run, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"in\xff")
    write_clip(folder / os.fsdecode(b"clip\xfe.mp4"), [portrait()] * 2)
    Image.fromarray(portrait()).save(folder / os.fsdecode(b"still\xfd.png"))
    out = tmp_path / os.fsdecode(b"out\xff")
    for command, name in (
        (["overlay"], ""),
        (["landmarks"], b"a\xff.jsonl"),
        (["landmarks", "--format", "coco"], b"a\xff.json"),
        (["report"], b"a\xff.html"),
    ):
        done = facelm(*command, folder, "-o", out / os.fsdecode(name), "--quiet")
        assert done.returncode == 0 and not done.stderr, done.stderr
    written = {os.fsencode(path.name) for path in out.iterdir()}
    assert written == {
        b"clip\xfe.overlay.mp4",
        b"still\xfd.overlay.jpg",
        b"a\xff.jsonl",
        b"a\xff.json",
        b"a\xff.html",
    }
    assert len((out / os.fsdecode(b"a\xff.jsonl")).read_text("utf-8").splitlines()) == 3


def test_groups_are_told_apart_from_all_whatever_their_names(facelm: Run, tmp_path: Path) -> None:
    names = ["all", "[/foo]", "[red]", "\x1b[2J"]
    for number in range(len(names)):
        write_pair(tmp_path / "data", f"{number:02}", *draw_face(64, number))
    rows = "".join(f"{number:02}.png,{name}\n" for number, name in enumerate(names))
    (tmp_path / "data" / "people.csv").write_text(f"image,kind\n{rows}")
    given = ["evaluate", "--data", tmp_path / "data", "--by", "kind"]
    done = facelm(*given)
    assert done.returncode == 0, done.stderr
    heads = next(line for line in done.stdout.splitlines() if "all" in line)
    assert [word.strip() for word in heads.strip("┃").split("┃")] == ["", "all", r"\x1b[2J", "[/foo]", "[red]", "all"]
    counts = next(line for line in done.stdout.splitlines() if "pictures" in line)
    assert np.array([int(word) for word in counts.replace("│", " ").split()[1:]]).max() == len(names)
