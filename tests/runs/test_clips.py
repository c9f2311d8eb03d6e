"""Clips through the real command line, and how a run over one is stopped."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from clips import empty, portrait, write_clip
from PIL import Image

from facelm.parsing.parser import FaceParser
from facelm.pictures.sources import Source
from facelm.runs.clips import Following, process
from facelm.video.clips import Clip
from facelm.video.watching import SeenFrame

Run = Callable[..., subprocess.CompletedProcess[str]]
TIMES = [0, 40, 100, 130, 200, 240]


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A folder with a clip of six frames, three of them with a face, and a picture."""
    folder = tmp_path / "media"
    write_clip(folder / "clip.mp4", [portrait(3 * at) for at in range(3)] + [empty()] * 3, TIMES, sound=0.3)
    Image.fromarray(portrait()).save(folder / "still.png")
    return folder


def test_a_line_for_each_frame_in_the_order_of_the_contract(facelm: Run, media: Path) -> None:
    done = facelm("landmarks", media)
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    *frames, picture = lines
    assert [list(line) for line in frames] == [["image", "frame", "timestamp", "width", "height", "faces"]] * 6
    assert [(line["frame"], round(1000 * line["timestamp"])) for line in frames] == list(enumerate(TIMES))
    assert [[face["track"] for face in line["faces"]] for line in frames] == [[1]] * 3 + [[]] * 3
    assert list(frames[0]["faces"][0])[:2] == ["track", "box"]
    assert {line["image"] for line in frames} == {f"{media}/clip.mp4"}
    assert picture["image"] == f"{media}/still.png" and "frame" not in picture and "track" not in picture["faces"][0]


def test_csv_as_openface_writes_it(facelm: Run, media: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(facelm("landmarks", media / "clip.mp4", "--format", "csv").stdout)))
    assert [row["frame"] for row in rows] == list("123456")
    assert [row["success"] for row in rows] == list("111000") and rows[0]["face_id"] == "1"
    assert [round(1000 * float(row["timestamp"])) for row in rows] == TIMES


def test_the_other_formats(facelm: Run, media: Path, tmp_path: Path) -> None:
    clip = media / "clip.mp4"
    assert facelm("landmarks", clip, "--format", "npz", "-o", tmp_path / "a.npz", "--every", 2).returncode == 0
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["frame"].tolist() == [0, 2] and arrays["face_id"].tolist() == [1, 1]
    assert facelm("landmarks", clip, "--format", "pts", "-o", tmp_path / "pts").returncode == 0
    assert sorted(path.name for path in (tmp_path / "pts" / "clip").iterdir()) == [f"00000{at}.pts" for at in range(3)]
    coco = json.loads(facelm("landmarks", clip, "--format", "coco", "--no-smooth").stdout)
    assert [image["frame"] for image in coco["images"]] == list(range(6))
    assert [each["track_id"] for each in coco["annotations"]] == [1, 1, 1]


def test_overlay_keeps_times_and_sound(facelm: Run, media: Path, tmp_path: Path) -> None:
    assert facelm("overlay", media, "-o", tmp_path / "out").returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip.overlay.mp4", "still.overlay.jpg"]
    frames = list(Clip(tmp_path / "out" / "clip.overlay.mp4").read())
    assert [round(1000 * frame.timestamp) for frame in frames] == TIMES
    with av.open(str(tmp_path / "out" / "clip.overlay.mp4")) as container:
        assert container.streams.audio
    refused = facelm("overlay", media, "-o", tmp_path / "out")
    assert refused.returncode == 2 and "--overwrite" in refused.stderr
    assert facelm("overlay", media, "-o", tmp_path / "out", "--skip-existing").returncode == 0


def test_a_clip_that_is_cut_off_fails_with_what_it_held(facelm: Run, tmp_path: Path) -> None:
    options = {"g": "5", "bf": "0"}
    path = write_clip(
        tmp_path / "a.mp4", [empty() + np.uint8(at) for at in range(60)], container_options={"movflags": "faststart"},
        options=options,
    )  # fmt: skip
    path.write_bytes(path.read_bytes()[: -(path.stat().st_size // 3)])
    done = facelm("landmarks", path)
    *frames, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and len(frames) > 10
    assert "ends early" in last["error"] and last["error"] in done.stderr


def test_what_was_done_is_kept_when_a_run_is_stopped(tmp_path: Path, parser: FaceParser) -> None:
    path = write_clip(tmp_path / "a.mp4", [portrait()] * 10)
    written: list[int] = []

    @contextmanager
    def finish(source: Source, clip: Clip) -> Iterator[Callable[[SeenFrame], None]]:
        yield lambda seen: written.append(seen.frame.number)

    outcomes = list(process(Source(path, "a.mp4", "a"), parser, Following(), finish, stopped=lambda: len(written) >= 2))
    assert written == list(range(len(outcomes) - 1)) and 2 <= len(written) < 10
    assert outcomes[-1].error == f"a.mp4: stopped after {len(written)} frames"


@pytest.mark.parametrize("option", [("--box", "1,2,30,40"), ("--engine", "ray")])
def test_options_for_pictures_refuse_clips_in_a_line(facelm: Run, media: Path, option: tuple[str, str]) -> None:
    done = facelm("landmarks", media, *option)
    assert done.returncode == 2 and done.stdout == ""
    assert f"{' '.join(option[: 1 + (option[1] == 'ray')])} is for pictures; {media}/clip.mp4 is a video" in done.stderr


def test_clips_can_be_gone_on_with_in_json_lines(facelm: Run, media: Path, tmp_path: Path) -> None:
    lines, again = tmp_path / "a.jsonl", ("--skip-existing", "--every", 2)
    assert facelm("landmarks", media / "still.png", "-o", lines).returncode == 0
    assert facelm("landmarks", media, "-o", lines, *again).returncode == 0
    found = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [line.get("frame") for line in found] == [0, 2, 4, None]
    before = lines.read_text()
    assert facelm("landmarks", media, "-o", lines, *again).returncode == 0 and lines.read_text() == before
    refused = facelm("landmarks", media, "-o", lines)
    assert refused.returncode == 2 and "--overwrite" in refused.stderr
