"""What `facelm landmarks` writes for editors of annotations, as they read it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from common import ROOT
from pycocotools import mask as rle
from pycocotools.coco import COCO

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two faces of a sample picture in a sub folder, and nobody."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "sub").mkdir()
    shutil.copy(ROOT / "sample_images" / "person.jpg", folder / "sub" / "person.jpg")
    shutil.copy(ROOT / "sample_images" / "no_face.jpg", folder / "nobody.jpg")
    return folder


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def test_coco_names_pictures_as_loaders_find_them_and_has_polygons_on_wish(
    facelm: Run, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert facelm("landmarks", photos, "--format", "coco", "-o", tmp_path / "rle.json").returncode == 0
    drawn = ("landmarks", photos, "--format", "coco", "--polygons", "--root", photos.parent)
    assert facelm(*drawn, "-o", tmp_path / "poly.json").returncode == 0
    runs, polygons = (COCO(str(tmp_path / name)) for name in ("rle.json", "poly.json"))
    capsys.readouterr()
    assert [image["file_name"] for image in runs.loadImgs([1, 2])] == ["nobody.jpg", "sub/person.jpg"]
    assert polygons.loadImgs([2])[0]["file_name"] == f"{photos.name}/sub/person.jpg"
    (first,), (second,) = (coco.loadAnns(coco.getAnnIds()) for coco in (runs, polygons))
    assert isinstance(second["segmentation"], list)
    assert all(len(part) >= 6 and len(part) % 2 == 0 for part in second["segmentation"])
    region, drawn_region = runs.annToMask(first) > 0, polygons.annToMask(second) > 0
    assert (region & drawn_region).sum() / (region | drawn_region).sum() > 0.99
    assert second["area"] == rle.area(polygons.annToRLE(second)) == pytest.approx(first["area"], rel=0.01)
    assert second["bbox"] == first["bbox"]
    points = np.array(first["keypoints"]).reshape(68, 3)
    assert first["num_keypoints"] == (points[:, 2] > 0).sum()


def test_file_names_of_one_file_and_of_a_glob(facelm: Run, photos: Path, tmp_path: Path) -> None:
    for number, given in enumerate((photos / "sub" / "person.jpg", photos / "*" / "*.jpg")):
        facelm("landmarks", given, "--format", "coco", "-o", tmp_path / f"{number}.json")
    names = [read(tmp_path / f"{number}.json")["images"][0]["file_name"] for number in range(2)]
    assert names == ["person.jpg", "sub/person.jpg"]


def test_yolo_has_a_file_for_each_picture_also_of_nobody(facelm: Run, photos: Path, tmp_path: Path) -> None:
    for name, options in (("pose", ()), ("outline", ("--polygons",))):
        out = tmp_path / name
        assert facelm("landmarks", photos, "--format", "yolo", "-o", out, *options).returncode == 0
        assert (out / "nobody.txt").read_text() == ""
    (pose,) = (tmp_path / "pose/sub/person.txt").read_text().splitlines()
    (outline,) = (tmp_path / "outline/sub/person.txt").read_text().splitlines()
    assert len(pose.split()) == 5 + 3 * 68
    corners = np.array(outline.split()[1:], float).reshape(-1, 2)
    x, y, _, height = (float(number) for number in pose.split()[1:5])
    assert corners[:, 1].max() == pytest.approx(y + height / 2, abs=0.02)
    assert corners[:, 0].mean() == pytest.approx(x, abs=0.05) and len(corners) > 30
    again = facelm("landmarks", photos, "--format", "yolo", "-o", tmp_path / "pose", "--skip-existing")
    assert again.returncode == 0 and "2" in again.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--polygons"], "--polygons: --format jsonl holds no regions"),
        (["--format", "yolo", "-o", "labels", "--root", "."], "--root is for --format coco"),
        (["--format", "yolo"], "--format yolo does not go to standard output"),
    ],
)
def test_options_that_do_not_go_together_are_refused(facelm: Run, photos: Path, options: list[str], told: str) -> None:
    done = facelm("landmarks", photos, *options)
    assert done.returncode == 2 and told in done.stderr
