"""What the commands write where --hands asks for hands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clips import empty, portrait, write_clip
from common import ROOT
from drawn_hands import OPEN, draw_hand
from PIL import Image

from facelm import classes

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample person, and a hand beside him."""
    path = tmp_path_factory.mktemp("photo") / "a.png"
    Image.fromarray(np.concatenate([draw_hand(), portrait(size=(300, 300))], 1)).save(path)
    return path


def test_a_record_has_hands_after_faces(facelm: Run, photo: Path) -> None:
    done = facelm("landmarks", photo, "--hands", "--3d")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert list(record)[-2:] == ["faces", "hands"] and len(record["faces"]) == 1
    (hand,) = record["hands"]
    assert list(hand) == ["box", "score", "side", "landmarks", "confidence", "visible", "landmarks_3d"]
    assert hand["side"] == "right"
    points = np.array(hand["landmarks"])
    assert np.linalg.norm(points - OPEN, axis=1).mean() < 0.1 * np.ptp(OPEN[:, 1])
    solid = np.array(hand["landmarks_3d"])
    assert np.array_equal(solid[:, :2], points) and solid[0, 2] == 0
    without = json.loads(facelm("landmarks", photo).stdout)
    assert "hands" not in without and without["faces"][0]["box"] == record["faces"][0]["box"]


def test_hands_alone_and_tables_of_both(facelm: Run, photo: Path, tmp_path: Path) -> None:
    alone = json.loads(facelm("landmarks", photo, "--hands", "--no-faces").stdout)
    assert alone["faces"] == [] and len(alone["hands"]) == 1
    table = tmp_path / "x.csv"
    written = ("landmarks", photo, "--hands", "--format", "csv", "-o", table)
    assert facelm(*written).returncode == 0
    assert pd.read_csv(table).success.tolist() == [1]
    assert pd.read_csv(tmp_path / "x.hands.csv").side.tolist() == ["right"]
    table.unlink()
    refused = facelm(*written)
    assert refused.returncode == 2 and "x.hands.csv exists already" in refused.stderr


def test_overlays_and_masks_of_hands(facelm: Run, photo: Path, tmp_path: Path) -> None:
    for out, options in (("with", ["--hands"]), ("without", [])):
        assert facelm("overlay", photo, "-o", tmp_path / out, *options).returncode == 0
        assert facelm("parse", photo, "-o", tmp_path / out, *options).returncode == 0
    drawn, bare = (np.array(Image.open(tmp_path / out / "a.overlay.jpg")).astype(int) for out in ("with", "without"))
    changed = np.abs(drawn - bare).max(2) > 40
    assert changed[:, :300].sum() > 500 and not changed[:, 330:].any()
    masks = [np.array(Image.open(tmp_path / out / "a.mask.png")) for out in ("with", "without")]
    assert np.array_equal(*masks) and not (tmp_path / "without" / "a.hands.png").exists()
    hands = np.array(Image.open(tmp_path / "with" / "a.hands.png"))
    assert hands.shape == (300, 600) and set(np.unique(hands)) == {0, classes.HAND.index}
    palm = OPEN[[0, 5, 17]].mean(0).astype(int)
    assert hands[palm[1], palm[0]] and not hands[:, 300:].any()
    assert facelm("parse", tmp_path / "with", "-o", tmp_path / "again").returncode == 3, "results are no photos"


def test_hands_of_a_clip_have_tracks(facelm: Run, tmp_path: Path) -> None:
    small = np.array(Image.fromarray(draw_hand()).resize((192, 192)))[16:176]
    clip = write_clip(tmp_path / "a.mp4", [small] * 4 + [empty()] * 2)
    lines = [json.loads(line) for line in facelm("landmarks", clip, "--hands", "--no-faces").stdout.splitlines()]
    assert [[hand["track"] for hand in line["hands"]] for line in lines] == [[1]] * 4 + [[]] * 2
    assert all(line["faces"] == [] for line in lines)
    assert facelm("parse", clip, "-o", tmp_path, "--hands").returncode == 0
    masks = [np.array(Image.open(tmp_path / "a" / f"{frame:06}.hands.png")).any() for frame in range(6)]
    assert masks == [True] * 4 + [False] * 2


def test_hands_are_counted_in_the_manifest(facelm: Run, photo: Path, tmp_path: Path) -> None:
    small = np.array(Image.fromarray(draw_hand()).resize((192, 192)))[16:176]
    clip = write_clip(tmp_path / "a.mp4", [small] * 3)
    counts = {}
    for command, options in (("parse", []), ("parse", ["--hands"]), ("landmarks", ["--hands"])):
        out = tmp_path / f"{command}{len(options)}"
        done = facelm(command, photo, clip, "-o", out, "--json", "--manifest", tmp_path / f"{out.name}.run", *options)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        counts[out.name] = [(line["faces"], line.get("hands")) for line in lines]
        assert ("hands" in done.stderr) == bool(options)
    assert counts == {"parse0": [(1, None), (0, None)], "parse1": [(1, 1), (0, 1)], "landmarks1": [(1, 1), (0, 1)]}
    again = tmp_path / "again.run"
    more = ("--skip-existing", "--manifest", again)
    assert facelm("landmarks", photo, clip, "-o", tmp_path / "landmarks1", "--hands", *more).returncode == 0
    kept = [json.loads(line) for line in again.read_text().splitlines()]
    assert [(line["faces"], line["hands"], line["skipped"]) for line in kept] == [(1, 1, True), (0, 1, True)]


def test_the_page_draws_hands_and_counts_them(facelm: Run, photo: Path, tmp_path: Path) -> None:
    shutil.copy(photo, tmp_path / "a.png")
    shutil.copy(ROOT / "sample_images" / "no_face.jpg", tmp_path / "b.jpg")
    pages = []
    for options in ([], ["--hands"]):
        page = tmp_path / f"{len(options)}.html"
        done = facelm("report", tmp_path / "a.png", tmp_path / "b.jpg", "-o", page, *options)
        assert done.returncode == 0, done.stderr
        pages.append(page.read_text("utf-8"))
    without, withs = pages
    assert "hands=" not in without and '<path class="finger' not in without
    assert re.findall(r'"hands=(\d+)"', withs) == ["1", "0"]
    bones = re.findall(r'<path class="finger(\d)" d="(.*?)"', withs)
    assert [finger for finger, _ in bones] == ["0", "1", "2", "3", "4"]
    tip = OPEN[8] * 240 / 600  # the page shows the picture at 240 of its 600 pixels
    x, y = (float(number) for number in bones[1][1].rpartition("L")[2].split())
    assert np.hypot(x - tip[0], y - tip[1]) < 10


def test_the_page_of_a_folder_with_known_answers_draws_them_too(facelm: Run, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "images").mkdir(parents=True)
    shutil.copy(photo, tmp_path / "in" / "images" / "a.png")
    boxes = {"a.png": {"boxes_xyxy": [[350, 60, 450, 200]], "complete": True}}
    (tmp_path / "in" / "faces.json").write_text(json.dumps(boxes))
    done = facelm("report", tmp_path / "in", "--hands", "-o", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert re.findall(r'"hands=(\d+)"', (tmp_path / "page.html").read_text("utf-8")) == ["1"]


def test_what_is_done_is_gone_on_with(facelm: Run, photo: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert facelm("landmarks", photo, "--hands", "-o", path).returncode == 0
    first = path.read_text()
    assert facelm("landmarks", photo, "--hands", "-o", path, "--skip-existing").returncode == 0
    assert path.read_text() == first
    assert facelm("landmarks", photo, "-o", path, "--skip-existing").returncode == 0
    assert "hands" not in json.loads(path.read_text())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--no-faces"], "--no-faces is for --hands"),
        (["--hands", "--format", "csv"], "say where the tables go with -o"),
        (["--hands", "--format", "pts", "-o", "points"], "--hands: --format pts holds faces alone"),
    ],
)
def test_options_that_do_not_go_together_are_refused(facelm: Run, photo: Path, options: list[str], told: str) -> None:
    done = facelm("landmarks", photo, *options)
    assert done.returncode == 2 and told in done.stderr


def test_without_being_asked_for_nothing_of_hands_is_loaded() -> None:
    code = (
        "import sys; sys.argv = ['facelm', 'landmarks', 'sample_images/no_face.jpg', '--quiet']\n"
        "import atexit; from facelm.cli.app import app\n"
        "try: app()\n"
        "except SystemExit: print(sorted(name for name in sys.modules if name.startswith('facelm.hands.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['facelm.hands.points']"
