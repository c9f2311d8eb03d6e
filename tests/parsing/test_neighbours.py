from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from common import cheek_to_cheek
from numpy.typing import NDArray
from PIL import Image

from facelm.parsing.neighbours import part_boxes
from facelm.parsing.parser import FaceParser

HEIGHT = 92  # of a face, brows to chin, pixels


def test_boxes_of_faces_that_touch_meet_where_the_faces_do(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    rgb = cheek_to_cheek(astronaut)
    left, right = sorted(part_boxes(parser.parse(rgb), *rgb.shape[:2]), key=lambda face: face.box)
    assert left.box == pytest.approx((14, 66, 97, 158), abs=HEIGHT / 20)
    assert right.box == pytest.approx((96, 66, 179, 158), abs=HEIGHT / 20)


def test_faces_that_do_not_touch_are_left_alone(parser: FaceParser, group: NDArray[np.uint8]) -> None:
    faces = parser.parse(group)
    assert all(parted is face for parted, face in zip(part_boxes(faces, *group.shape[:2]), faces, strict=True))
    assert part_boxes([], 10, 10) == []


def test_commands_write_parted_boxes(
    facelm: Callable[..., object], astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    Image.fromarray(cheek_to_cheek(astronaut)).save(tmp_path / "two.png")
    facelm("landmarks", tmp_path / "two.png", "-o", tmp_path / "two.jsonl")
    left, right = sorted(face["box"] for face in json.loads((tmp_path / "two.jsonl").read_text())["faces"])
    assert left[2] <= right[0] + 1
