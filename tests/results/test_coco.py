from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO
from recorded import ellipse, face, same, text

from facelm.landmarks.points import PARTS
from facelm.results import formats
from facelm.results.coco import encode_region
from facelm.results.records import PictureRecord

# pycocotools 2.0 decodes with an array type that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_coco_is_read_by_pycocotools(records, points, tmp_path, capsys):
    formats.save(records, "coco", tmp_path / "faces.json")
    coco = COCO(str(tmp_path / "faces.json"))
    capsys.readouterr()
    pictures = coco.loadImgs(coco.getImgIds())
    assert [picture["file_name"] for picture in pictures] == [
        "in/Zoë ünd 1.jpg",
        "in/empty.png",
        "in/sub/two.webp",
    ]
    assert pictures[0] == {"id": 1, "file_name": "in/Zoë ünd 1.jpg", "width": 80, "height": 60}
    found = coco.loadAnns(coco.getAnnIds())
    assert [annotation["image_id"] for annotation in found] == [1, 4, 4]
    assert [annotation["id"] for annotation in found] == [1, 2, 3]
    keypoints = np.array([annotation["keypoints"] for annotation in found]).reshape(-1, 68, 3)
    same(keypoints[..., :2], points)
    visible = np.stack([f.visible for record in records for f in record.faces])
    assert np.array_equal(keypoints[..., 2], np.where(visible, 2, 1))
    assert np.array_equal(coco.annToMask(found[0]).astype(bool), ellipse())
    assert found[0]["area"] == ellipse().sum()
    assert found[0]["bbox"] == [10.12, 5.0, 40.88, 51.99]
    assert "segmentation" not in found[1]
    assert found[1]["area"] == pytest.approx((51 - 10.123456) * 51.987654, abs=0.01)
    for annotation in found:
        assert (annotation["category_id"], annotation["iscrowd"], annotation["num_keypoints"]) == (1, 0, 68)
        assert annotation["score"] == 0.9877


def test_coco_category_names_and_joins_the_points():
    document = json.loads(text([], "coco"))
    assert list(document) == ["info", "images", "annotations", "categories"]
    assert document["images"] == document["annotations"] == []
    (category,) = document["categories"]
    assert (category["id"], category["name"], category["supercategory"]) == (1, "face", "person")
    names = category["keypoints"]
    assert len(set(names)) == 68
    assert (names[0], names[16], names[36], names[67]) == ("jaw_0", "jaw_16", "right_eye_0", "inner_lips_7")
    lines = [tuple(line) for line in category["skeleton"]]
    assert {point for line in lines for point in line} == set(range(1, 69))
    assert {(1, 2), (42, 37), (48, 43), (60, 49), (68, 61)} <= set(lines)
    assert not {(17, 18), (17, 1), (36, 37)} & set(lines)
    assert len(lines) == 68 - len(PARTS) + 4


@settings(max_examples=25)
@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_region_round_trips(mask):
    region = json.loads(json.dumps(encode_region(mask)))
    assert region["size"] == list(mask.shape)
    assert np.array_equal(rle.decode(region).astype(bool), mask)


@pytest.mark.parametrize(("columns", "rows"), [((30, 70), (39, 79)), ((0, 0), (0, 0)), ((0, 99), (0, 89))])
def test_a_box_has_the_edges_that_pycocotools_gives_its_pixels(columns, rows):
    mask = np.zeros((90, 100), bool)
    mask[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1] = True
    found = face(box=(columns[0], rows[0], columns[1], rows[1]), region=encode_region(mask))
    (annotation,) = json.loads(text([PictureRecord("a.jpg", 100, 90, (found,))], "coco"))["annotations"]
    assert annotation["bbox"] == rle.toBbox(annotation["segmentation"]).tolist()


def test_a_face_that_leaves_the_picture_stays_within_for_coco(facelm, astronaut, tmp_path):
    cut = np.ascontiguousarray(astronaut[95:180, 190:235])
    Image.fromarray(cut).save(tmp_path / "cut.png")
    facelm("landmarks", tmp_path / "cut.png", "--box", "-11,-9,80,82", "--format", "coco", "-o", tmp_path / "a.json")
    (annotation,) = json.loads((tmp_path / "a.json").read_text())["annotations"]
    x, y, width, height = annotation["bbox"]
    assert 0 <= x < x + width <= 45 and 0 <= y < y + height <= 85
    points = np.array(annotation["keypoints"]).reshape(68, 3)
    outside = (points[:, 0] < -0.5) | (points[:, 0] >= 44.5) | (points[:, 1] < -0.5) | (points[:, 1] >= 84.5)
    assert outside.sum() > 5 and (points[outside, 2] == 1).all()
    assert (points[:, 2] == 2).any()
