"""Evaluations on the real command line, against truths made from what the model itself finds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from common import write_pair
from PIL import Image

from facelm import classes
from facelm.landmarks.find import find_landmarks
from facelm.measuring import evaluate as evaluation
from facelm.parsing.masks import paste
from facelm.parsing.parser import FaceParser

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def found(parser: FaceParser, astronaut: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Mask, landmarks and box that the shipped model finds on the astronaut."""
    faces = parser.parse(astronaut)
    return paste(faces, 512, 512), find_landmarks(faces[0]).points, faces[0].box


def evaluate(facelm: Run, folder: Path, *options: str) -> dict[str, Any]:
    done = facelm("evaluate", "--data", folder, "--json", "--device", "cpu", *options)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_masks(facelm: Run, astronaut: np.ndarray, no_face: np.ndarray, found: Any, tmp_path: Path) -> None:
    mask = found[0].copy()
    write_pair(tmp_path / "data", "right", astronaut, mask)
    brow = classes.INDEX["l_brow"]
    mask[mask == brow] = classes.INDEX["skin"]
    write_pair(tmp_path / "data", "no brow", astronaut, mask)
    write_pair(tmp_path / "data", "missed", no_face, np.full(no_face.shape[:2], classes.INDEX["skin"], np.uint8))
    (tmp_path / "data" / "kinds.csv").write_text("image,kind\nright,whole\nno brow,spoiled\nmissed.png,spoiled\n")
    result = evaluate(facelm, tmp_path / "data", "--by", "kind", "--out", str(tmp_path / "out"))
    assert result["pictures"] == 3
    masks, whole, spoiled = (each["masks"] for each in (result, result["groups"]["whole"], result["groups"]["spoiled"]))
    assert whole["pixel_accuracy"] == whole["mean_f1"] == whole["mean_iou"] == whole["core_f1"] == 1
    assert spoiled["core_f1"] < masks["core_f1"] < 1
    assert whole["missed"] == 0 and masks["missed"] == spoiled["missed"] == 1
    assert masks["f1"]["l_brow"] == pytest.approx(2 / 3, abs=1e-4)  # all of one brow, none of the other
    assert spoiled["f1"]["l_brow"] == 0
    assert np.sum(masks["confusion"]) == 2 * 512**2 + no_face.shape[0] * no_face.shape[1]
    assert json.loads((tmp_path / "out" / "scores.json").read_text()) == result
    with Image.open(tmp_path / "out" / "confusion.png") as picture:
        assert min(picture.size) > 500


def test_merged_classes(facelm: Run, astronaut: np.ndarray, found: Any, tmp_path: Path) -> None:
    lips = np.isin(found[0], classes.indices(*classes.LIPS))
    write_pair(tmp_path, "a", astronaut, lips.astype(np.uint8))
    rest = [name for name in classes.NAMES if name not in classes.LIPS]
    (tmp_path / "classes.json").write_text(json.dumps({"0": rest, "1": classes.LIPS}))
    masks = evaluate(facelm, tmp_path)["masks"]
    assert masks["f1"] == {"+".join(rest): 1, "mouth+u_lip+l_lip": 1}
    assert masks["core_f1"] is None
    (tmp_path / "classes.json").write_text(json.dumps({"0": rest[1:], "1": classes.LIPS}))
    done = facelm("evaluate", "--data", tmp_path)
    assert done.returncode == 2
    assert "each of the 19 classes" in done.stderr


def test_landmarks(facelm: Run, astronaut: np.ndarray, no_face: np.ndarray, found: Any, tmp_path: Path) -> None:
    points = found[1]
    for name, rgb in (("a", astronaut), ("nobody", no_face)):
        Image.fromarray(rgb).save(tmp_path / f"{name}.png")
    interocular = np.linalg.norm(points[36] - points[45])
    moved = points + np.array(
        [0.1 * interocular, 0]
    )  # all points are off by a tenth, but one is right, and one not known
    moved[30] = points[30]
    truth = [None if i == 8 else point.tolist() for i, point in enumerate(moved)]
    (tmp_path / "landmarks68.json").write_text(json.dumps({"a.png": truth, "nobody.png": truth}))
    scores = evaluate(facelm, tmp_path)["landmarks"]
    assert (scores["faces"], scores["missed"], scores["failure_rate"]) == (2, 1, 0.5)
    assert scores["found_nme"] == pytest.approx(10 * 66 / 67, abs=1e-3)
    assert scores["nme"] == pytest.approx((10 * 66 / 67 + 30) / 2, abs=1e-3)
    assert scores["groups"] == pytest.approx(
        {"jaw": 10, "brows": 10, "nose": 80 / 9, "eyes": 10, "mouth": 10}, abs=1e-3
    )
    assert scores["jaw_line"] is None
    assert sum(each["points"] for each in scores["reliability"]) == 67
    assert sum(each["points"] * each["near"] for each in scores["reliability"]) == pytest.approx(1)
    bone = evaluate(facelm, tmp_path, "--jaw", "bone")["landmarks"]["groups"]
    assert bone["jaw"] != scores["groups"]["jaw"] and bone["mouth"] == scores["groups"]["mouth"]
    by_box = evaluate(facelm, tmp_path, "--norm", "box", "--out", str(tmp_path / "out"))["landmarks"]
    known = np.delete(moved, 8, 0)
    unit = np.sqrt(np.prod(np.ptp(known, 0)))
    Image.open(tmp_path / "out" / "reliability.png").verify()
    assert by_box["found_nme"] == pytest.approx(scores["found_nme"] * interocular / unit, abs=1e-3)


def test_faces(facelm: Run, astronaut: np.ndarray, no_face: np.ndarray, found: Any, tmp_path: Path) -> None:
    for name in ("one", "unboxed", "incomplete"):
        Image.fromarray(astronaut).save(tmp_path / f"{name}.png")
    Image.fromarray(no_face).save(tmp_path / "nobody.png")
    truth = {
        "one.png": {"boxes_xyxy": [found[2], [400, 400, 420, 420]]},
        "unboxed.png": {"boxes_xyxy": []},
        "incomplete.png": {"boxes_xyxy": [], "complete": False},
        "nobody.png": {"boxes_xyxy": []},
    }
    (tmp_path / "faces.json").write_text(json.dumps(truth))
    assert evaluate(facelm, tmp_path)["faces"] == {"faces": 2, "found": 1, "recall": 0.5, "false": 1}


def test_tables_name_a_picture_that_cannot_be_read_and_measure_the_rest(
    facelm: Run, astronaut: np.ndarray, found: Any, tmp_path: Path
) -> None:
    Image.fromarray(astronaut).save(tmp_path / "a.png")
    points = found[1].tolist()
    (tmp_path / "landmarks68.json").write_text(json.dumps({"a.png": points, "gone.png": points}))
    done = facelm("evaluate", "--data", tmp_path, "--device", "cpu")
    assert done.returncode == 1
    assert "gone.png" in done.stderr
    rows = {
        cells[0].strip(): cells[1].strip() for line in done.stdout.splitlines() if len(cells := line.split("│")[1:])
    }
    assert rows["pictures"] == "1"
    assert rows["NME % of the faces found"] == "0.00"


def test_a_mask_that_does_not_fit_its_picture_is_named(
    facelm: Run, astronaut: np.ndarray, found: Any, tmp_path: Path
) -> None:
    write_pair(tmp_path, "good", astronaut, found[0])
    write_pair(tmp_path, "small", astronaut, found[0][:100, :100])
    write_pair(tmp_path, "strange", astronaut, np.full_like(found[0], 30))
    done = facelm("evaluate", "--data", tmp_path, "--json", "--device", "cpu")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 2
    assert "small.png: 100x100" in done.stderr and "strange.png: class 30" in done.stderr
    assert json.loads(done.stdout)["masks"]["mean_f1"] == 1


def test_whatever_is_raised_of_a_picture_stops_nothing(astronaut: np.ndarray, found: Any, tmp_path: Path) -> None:
    class Failing:
        def parse(self, rgb: np.ndarray) -> None:
            raise RuntimeError("native\nlines")

    names = ("a.png", "b.png")
    for name in names:
        Image.fromarray(astronaut).save(tmp_path / name)
    (tmp_path / "landmarks68.json").write_text(json.dumps(dict.fromkeys(names, found[1].tolist())))
    failed = evaluation.evaluate(Failing(), evaluation.prepare(tmp_path)).failed  # type: ignore[arg-type]
    assert failed == tuple(
        f"{tmp_path}/{name}: cannot be processed (RuntimeError: native)" for name in ("a.png", "b.png")
    )


def test_wrong_usage(facelm: Run, astronaut: np.ndarray, found: Any, tmp_path: Path) -> None:
    done = facelm("evaluate", "--data", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not a data folder" in done.stderr
    write_pair(tmp_path, "a", astronaut, found[0])
    done = facelm("evaluate", "--data", tmp_path, "--by", "age")
    assert done.returncode == 2
    assert "--by age: " in done.stderr
