from __future__ import annotations

import cv2
import numpy as np
import pytest
from common import write_pair
from PIL import Image

from facelm import classes
from facelm.classes import IGNORE, INDEX
from facelm.pictures import files
from facelm.training import data
from facelm.training.scenes import SceneMaker


@pytest.fixture
def maker(faces, backgrounds) -> SceneMaker:
    return SceneMaker(data.find(faces), data.find_pictures(backgrounds), 96)


def make(maker: SceneMaker, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return maker.make(np.random.default_rng(seed))


def test_scenes_have_the_size_and_the_classes(maker) -> None:
    people = []
    for seed in range(25):
        rgb, mask = make(maker, seed)
        assert rgb.shape == (96, 96, 3)
        assert mask.shape == (96, 96)
        assert rgb.dtype == mask.dtype == np.uint8
        assert mask.max() < len(classes.CLASSES)
        people.append(bool(mask.any()))
    assert any(people)
    assert not all(people)


def test_the_same_seed_gives_the_same_scene(maker) -> None:
    for first, second in zip(make(maker, 4), make(maker, 4), strict=True):
        np.testing.assert_array_equal(first, second)
    assert (make(maker, 4)[0] != make(maker, 5)[0]).any()


def test_unknown_pixels_stay_unknown(tmp_path, backgrounds) -> None:
    mask = np.full((64, 64), IGNORE, np.uint8)
    mask[16:48, 16:48] = INDEX["skin"]
    write_pair(tmp_path, "0", np.zeros((64, 64, 3), np.uint8), mask)
    maker = SceneMaker(data.find(tmp_path), data.find_pictures(backgrounds), 64)
    found = set().union(*(np.unique(make(maker, seed)[1]).tolist() for seed in range(40)))
    assert found == {0, INDEX["skin"], IGNORE}


def test_pictures_of_any_shape_will_do(tmp_path) -> None:
    write_pair(tmp_path, "0", np.zeros((90, 31, 3), np.uint8), np.ones((90, 31), np.uint8))
    Image.new("RGB", (300, 1), "red").save(tmp_path / "thin.png")
    maker = SceneMaker(data.find(tmp_path), [tmp_path / "thin.png"], 64)
    assert {make(maker, seed)[0].shape for seed in range(15)} == {(64, 64, 3)}


def test_the_mask_lies_on_the_picture_to_a_fraction_of_a_pixel(tmp_path) -> None:
    mask = np.zeros((400, 400), np.uint8)
    cv2.circle(mask, (200, 200), 190, INDEX["skin"], -1)
    cv2.circle(mask, (200, 200), 100, INDEX["nose"], -1)
    rgb = np.zeros((400, 400, 3), np.uint8)
    rgb[mask == INDEX["nose"], 0] = 200
    write_pair(tmp_path, "0", rgb, mask)
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    maker = SceneMaker(data.find(tmp_path), [tmp_path / "black.png"], 96)
    shifts = []
    for seed in range(150):
        scene, labels = make(maker, seed)
        red = np.clip(scene[..., 0].astype(float) - scene[..., 1], 0, None)
        nose = (labels == INDEX["nose"]).astype(np.uint8)
        border = nose[[0, -1]].any() or nose[:, [0, -1]].any()
        if border or cv2.connectedComponents(nose)[0] != 2:
            continue
        shifts.append(centroid(nose) - centroid(red))
    assert len(shifts) > 8
    assert np.abs(np.median(shifts, axis=0)).max() < 0.15


def centroid(weights: np.ndarray) -> np.ndarray:
    y, x = np.indices(weights.shape)
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


def test_a_picture_that_cannot_be_read_is_an_image_error(faces, tmp_path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(files.ImageError, match=r"bad\.png"):
        make(SceneMaker(data.find(faces), [tmp_path / "bad.png"], 64), 0)
