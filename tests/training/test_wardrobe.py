from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from common import draw_face

from facelm.classes import INDEX
from facelm.training import data
from facelm.training.wardrobe import Wardrobe

SIZE = 160


@pytest.fixture
def portrait() -> tuple[np.ndarray, np.ndarray]:
    """A face with hat and cloth, whose folds run from dark to light."""
    rgb, mask = draw_face(SIZE, 1)
    light = np.linspace(-30, 30, SIZE)[None, :, None]
    return np.clip(rgb.astype(float) / 2 + 64 + light, 0, 255).astype(np.uint8), mask


@pytest.mark.parametrize("with_patterns", [False, True])
def test_only_cloth_and_hat_change(portrait: tuple, backgrounds: Path, with_patterns: bool) -> None:
    rgb, mask = portrait
    before = rgb.copy()
    wardrobe = Wardrobe(data.find_pictures(backgrounds) if with_patterns else [])
    changed = dict.fromkeys((INDEX["cloth"], INDEX["hat"]), 0)
    for seed in range(60):
        dressed = wardrobe.dress(rgb, mask, np.random.default_rng(seed))
        far = np.abs(dressed.astype(int) - rgb).max(2) > 12
        for index in changed:
            changed[index] += far[mask == index].mean() > 0.5
        around = cv2.dilate(np.isin(mask, list(changed)).astype(np.uint8), np.ones((9, 9))) > 0
        assert not far[~around].any()
        assert dressed.shape == rgb.shape and dressed.dtype == np.uint8
    assert all(8 < times < 40 for times in changed.values())
    assert (rgb == before).all()


def test_the_light_on_plain_cloth_stays(portrait: tuple) -> None:
    rgb, mask = portrait
    cloth = cv2.erode((mask == INDEX["cloth"]).astype(np.uint8), np.ones((5, 5))) > 0
    likeness = []
    for seed in range(60):
        dressed = Wardrobe([]).dress(rgb, mask, np.random.default_rng(seed))
        if (dressed[cloth] != rgb[cloth]).mean() > 0.5:
            greys = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[cloth] for picture in (rgb, dressed))
            likeness.append(np.corrcoef(*greys)[0, 1])
    assert np.median(likeness) > 0.9


def test_the_same_chance_dresses_the_same(portrait: tuple, backgrounds: Path) -> None:
    wardrobe = Wardrobe(data.find_pictures(backgrounds))
    first, second, other = (wardrobe.dress(*portrait, np.random.default_rng(seed)) for seed in (3, 3, 5))
    assert (first == second).all()
    assert (first != other).any()


def test_who_shows_neither_is_left_alone(portrait: tuple) -> None:
    rgb, mask = portrait
    bare = np.where(np.isin(mask, (INDEX["cloth"], INDEX["hat"])), 0, mask).astype(np.uint8)
    assert all(Wardrobe([]).dress(rgb, bare, np.random.default_rng(seed)) is rgb for seed in range(30))
