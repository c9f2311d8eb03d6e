"""Batches with inputs that mean ill: as many records as inputs, nothing else among them, and an honest exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import portrait, write_clip
from commands import lines, started, wait_until
from common import ROOT
from PIL import Image

from facelm.pictures.sources import Source, find
from facelm.runs.batch import Seen, process

Run = Callable[..., subprocess.CompletedProcess[str]]
PYTHON = [sys.executable, "-m", "facelm"]


@pytest.fixture
def photos(tmp_path: Path, astronaut: np.ndarray) -> Path:
    """A folder of pictures: one of a face, and many that mean ill."""
    folder = tmp_path / "photos"
    folder.mkdir()
    portrait = Image.fromarray(astronaut[:256, 96:352]).resize((160, 160))
    portrait.save(folder / "good.png")
    portrait.save(folder / f"{'x' * 251}.png")  # that .mask.png makes too long
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "lzw.tif", compression="tiff_lzw")
    damaged = bytearray((folder / "lzw.tif").read_bytes())
    damaged[8:20] = b"\xff" * 12
    (folder / "lzw.tif").write_bytes(damaged)
    return folder


@pytest.mark.parametrize(
    "error", [RuntimeError("native\nlines"), ValueError(), KeyError("x"), OSError(5, "Input"), AssertionError()]
)
def test_whatever_is_raised_is_a_record(error: Exception, tmp_path: Path) -> None:
    sources = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (4, 4)).save(path)
        sources.append(Source(path, path.name, path.stem))

    def see(source: Source, rgb: np.ndarray) -> Seen:
        if source is sources[2]:
            raise error
        return Seen([])

    outcomes = list(process(sources, see, lambda *_: "done"))
    assert [outcome.source for outcome in outcomes] == sources
    assert [outcome.result for outcome in outcomes] == ["done", "done", None, "done", "done"]
    told = str(outcomes[2].error)
    assert told.startswith("2.png: cannot be processed") and len(told.splitlines()) == 1


def test_missing_names_with_letters_of_globs_are_pictures_that_are_missing(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    missing = [str(tmp_path / name) for name in ("b[1].png", "c?.png", "d*.png")]
    assert [source.name for source in find([str(tmp_path / "a.png"), *missing])] == [str(tmp_path / "a.png"), *missing]
    assert find(missing) == []


def test_every_input_has_a_record_and_a_second_run_ends(facelm: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{photos}\n{photos / 'gone[1].png'}\n")
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1\ngood.png,1,1,1.0000001,1.0000001\n")
    out, manifest = tmp_path / "out", tmp_path / "run.jsonl"
    options = [
        "--from-file",
        tmp_path / "list",
        "--box",
        tmp_path / "boxes.csv",
        "-o",
        out,
        "--manifest",
        manifest,
        "-q",
    ]
    first = facelm("parse", *options)
    second = facelm("parse", *options, "--skip-existing")
    for done in (first, second):
        assert done.returncode == 1 and "Traceback" not in done.stderr
        told = lines(manifest.read_text())
        assert len(told) == 4
        errors = [line["error"] for line in told if "error" in line]
        assert sorted(done.stderr.splitlines()) == sorted(errors)
    assert not list(out.rglob(".*"))


def test_a_killed_run_loses_no_record(facelm: Run, photos: Path, tmp_path: Path) -> None:
    for name in ("lzw.tif", f"{'x' * 251}.png"):
        (photos / name).unlink()
    for copy in range(30):
        os.link(photos / "good.png", photos / f"copy{copy:02}.png")
    first, pipe = sorted(photos.iterdir())[:6], tmp_path / "pipe.png"
    os.mkfifo(pipe)  # nobody writes to it, so the run does not come to an end
    whole, records, manifest = (tmp_path / name for name in ("whole.jsonl", "records.jsonl", "run.jsonl"))
    assert facelm("landmarks", photos, "-o", whole).returncode == 0
    journal = tmp_path / ".run.jsonl.unfinished"
    with started("landmarks", *first, pipe, photos, "-o", records, "--manifest", manifest) as running:
        wait_until(lambda: journal.exists() and journal.read_text().count("\n\n") == 6, running)
        running.kill()
    pipe.unlink()
    assert not records.exists() and not manifest.exists()
    done = facelm("landmarks", photos, "-o", records, "--manifest", manifest, "--skip-existing")
    assert done.returncode == 0, done.stderr
    assert records.read_bytes() == whole.read_bytes()
    told = lines(manifest.read_text())
    assert len(told) == 31 and all(line["faces"] == 1 for line in told)
    assert sum(line.get("skipped", False) for line in told) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "records.jsonl", "run.jsonl", "whole.jsonl"]


def test_a_killed_run_loses_no_clip_that_was_finished(facelm: Run, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    write_clip(folder / "a.mp4", [portrait(3 * at) for at in range(5)])
    write_clip(folder / "b.mp4", [portrait(abs(at % 40 - 20)) for at in range(150)])
    write_clip(folder / "c.mp4", [portrait(), portrait(2)])
    whole, records, manifest = (tmp_path / name for name in ("whole.jsonl", "records.jsonl", "run.jsonl"))
    assert facelm("landmarks", folder, "-o", whole).returncode == 0
    journal = tmp_path / ".records.jsonl.unfinished"
    with started("landmarks", folder, "-o", records, "--manifest", manifest) as running:
        wait_until(lambda: journal.exists() and b"b.mp4" in journal.read_bytes(), running)
        running.kill()
    assert not records.exists() and not manifest.exists()
    done = facelm("landmarks", folder, "-o", records, "--manifest", manifest, "--skip-existing")
    assert done.returncode == 0, done.stderr
    assert records.read_bytes() == whole.read_bytes()
    told = lines(manifest.read_text())
    assert [(Path(line["image"]).name, line["frames"], line["faces"]) for line in told] == [
        ("a.mp4", 5, 1),
        ("b.mp4", 150, 1),
        ("c.mp4", 2, 1),
    ]
    assert [line.get("skipped", False) for line in told] == [True, False, False]
    manifest.unlink()
    facelm("landmarks", folder, "-o", records, "--manifest", manifest, "--skip-existing")
    assert [(line["frames"], line["skipped"]) for line in lines(manifest.read_text())] == [
        (n, True) for n in (5, 150, 2)
    ]


def closed(number: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command with a standard stream closed, as `2>&-` does."""
    command = [*PYTHON, *map(str, arguments)]
    return subprocess.run(
        ["bash", "-c", f'exec "$@" {number}>&-', "bash", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_closed_streams_leave_results_alone(photos: Path, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    done = closed(2, "landmarks", photos / "lzw.tif", photos / "good.png", "-o", records)
    assert done.returncode == 1 and not done.stdout
    assert [line["image"] for line in lines(records.read_text())] == [str(photos / n) for n in ("lzw.tif", "good.png")]
    done = closed(1, "parse", photos / "good.png", "-o", tmp_path / "out", "--json")
    assert done.returncode == 2 and "standard output is closed" in done.stderr
    done = closed(0, "landmarks", "-")
    assert done.returncode == 1 and lines(done.stdout)[0]["error"] == "standard input: is closed"


WRONG = {
    "the manifest is the result": ["landmarks", "IN", "-o", "X", "--manifest", "X"],
    "the manifest is the picture": ["parse", "IN", "-o", "out", "--manifest", "IN", "--overwrite"],
    "the result is the picture": ["landmarks", "IN", "-o", "IN", "--overwrite"],
    "the manifest is a device": ["parse", "IN", "-o", "out", "--manifest", "/dev/null", "--overwrite"],
    "the result is a device": ["landmarks", "IN", "-o", "/dev/stdout", "--overwrite"],
    "the model is overwritten": ["export", "MODEL", "-o", "MODEL"],
    "scores are there already": ["evaluate", "--data", "IN", "-o", "SCORES"],
    "the page is there already": ["report", "IN", "-o", "IN"],
}


@pytest.mark.parametrize("kind", WRONG)
def test_outputs_that_would_replace_something_else_are_refused(
    kind: str, facelm: Run, photos: Path, tmp_path: Path
) -> None:
    model = tmp_path / "lite.safetensors"
    model.write_bytes((ROOT / "weights/lite.safetensors").read_bytes())
    names = {
        "IN": photos / "good.png",
        "X": tmp_path / "x.jsonl",
        "MODEL": model,
        "SCORES": tmp_path / "scores",
        "out": tmp_path / "out",
    }
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "confusion.png").touch()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = facelm(*(names.get(word, word) for word in WRONG[kind]))
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr
    assert {
        path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "out" not in path.parts
    } == before
    assert not Path("/dev/null").is_file()
