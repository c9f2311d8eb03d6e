from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from recorded import ellipse, face

from facelm.results.coco import encode_polygons
from facelm.results.records import PictureRecord
from facelm.results.yolo import write_yolo

POINTS = np.linspace((3.0, 4.0), (70.0, 50.0), 68)


def read_yolo(path: Path) -> list[list[float]]:
    """Lines of numbers as Ultralytics checks them: class 0, and shares of width and height from 0 to 1."""
    lines = [[float(number) for number in line.split()] for line in path.read_text("ascii").splitlines()]
    for line in lines:
        assert line[0] == 0
    return lines


def test_pose_has_box_and_points_as_shares(tmp_path: Path) -> None:
    points = POINTS.copy()
    points[0], points[1] = (-0.6, 10), (20, 59.6)
    visible = np.arange(68) % 2 == 0
    record = PictureRecord("in/a.jpg", 80, 60, (face(landmarks=points, visible=visible),), stem="in/a")
    write_yolo(record, tmp_path)
    write_yolo(PictureRecord("b.jpg", 8, 8, stem="b"), tmp_path)
    (line,) = read_yolo(tmp_path / "in/a.txt")
    assert len(line) == 5 + 3 * 68
    assert min(line[1:5]) >= 0 and max(line[1:5]) <= 1
    x, y, width, height = np.array(line[1:5]) * (80, 60, 80, 60)
    np.testing.assert_allclose((x - width / 2, y - height / 2), (10.123456, 5), atol=1e-4)
    np.testing.assert_allclose((x + width / 2, y + height / 2), (51, 56.987654), atol=1e-4)
    found = np.array(line[5:]).reshape(68, 3)
    assert found[:, :2].min() >= 0 and found[:, :2].max() <= 1
    np.testing.assert_allclose(found[2:, :2] * (80, 60) - 0.5, points[2:], atol=1e-4)
    assert found[:2].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert found[2:, 2].tolist() == [2 if seen else 1 for seen in visible[2:]]
    assert read_yolo(tmp_path / "b.txt") == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "in"]


def test_segmentation_is_one_outline_of_all_parts(tmp_path: Path) -> None:
    region = ellipse()
    region[:, 38:42] = False
    record = PictureRecord("a.jpg", 80, 60, (face(region=encode_polygons(region)), face(region=[])), stem="a")
    write_yolo(record, tmp_path)
    (line,) = read_yolo(tmp_path / "a.txt")
    outline = np.array(line[1:]).reshape(-1, 2)
    assert outline.min() >= 0 and outline.max() <= 1
    again = cv2.fillPoly(np.zeros((600, 800), np.uint8), [np.rint(outline * (800, 600)).astype(np.int32)], 1)[
        5::10, 5::10
    ]
    assert ((again > 0) ^ region).sum() < 0.02 * region.sum()


def test_labels_need_a_stem(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no stem"):
        write_yolo(PictureRecord("a.jpg", 9, 9), tmp_path)
