from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from common import ROOT, cheek_to_cheek
from PIL import Image
from pycocotools import mask as rle

from facelm import classes
from facelm.landmarks.find import find_landmarks
from facelm.parsing.parser import FaceParser
from facelm.results.coco import encode_region
from facelm.results.faces import record_faces


def test_records_hold_the_landmarks_and_regions_only_on_demand(parser: FaceParser, astronaut: np.ndarray) -> None:
    (face,) = parser.parse(astronaut)
    found = find_landmarks(face)
    (plain,) = record_faces([face], 512, 512)
    assert np.array_equal(plain.landmarks, found.points) and plain.box == face.box and plain.region is None
    (record,) = record_faces([face], 512, 512, encode_region)
    assert record.region is not None and record.region["size"] == [512, 512]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("picture", ["group", "cheeks"])
def test_regions_are_disjoint_and_together_what_the_mask_has(
    facelm: Callable[..., object], astronaut: np.ndarray, tmp_path: Path, picture: str
) -> None:
    path = ROOT / "sample_images" / "group.jpg"
    if picture == "cheeks":
        path = tmp_path / "cheeks.png"
        Image.fromarray(cheek_to_cheek(astronaut)).save(path)
    facelm("parse", path, "--instances", "-o", tmp_path)
    facelm("landmarks", path, "--format", "coco", "-o", tmp_path / "coco.json")
    mask = np.array(Image.open(tmp_path / f"{path.stem}.mask.png"))
    owner = np.array(Image.open(tmp_path / f"{path.stem}.instances.png"))
    assert np.array_equal(owner > 0, mask > 0)
    found = json.loads((tmp_path / "coco.json").read_text())["annotations"]
    regions = np.stack([rle.decode(face["segmentation"]) for face in found])
    in_a_face = np.isin(mask, classes.indices(*classes.FACE))
    assert np.array_equal(regions.sum(0), in_a_face)
    for number, (face, region) in enumerate(zip(found, regions, strict=True), 1):
        assert np.array_equal(region > 0, in_a_face & (owner == number))
        assert face["area"] == region.sum() > 2000
