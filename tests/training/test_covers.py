from __future__ import annotations

import numpy as np
import pytest
from common import draw_face

from facelm.classes import INDEX, indices
from facelm.training.covers import cover

SIZE = 160
SEEDS = range(150)


def test_some_portraits_get_a_face_mask_that_is_labelled_as_cloth() -> None:
    rgb, mask = draw_face(SIZE, 1)
    before = rgb.copy(), mask.copy()
    drawn = 0
    for seed in SEEDS:
        covered, labels = cover(rgb, mask, np.random.default_rng(seed))
        hidden = labels != mask
        drawn += hidden.any()
        assert (labels[hidden] == INDEX["cloth"]).all()
        far = np.abs(covered.astype(int) - rgb).max(2) > 30
        near = np.argwhere(hidden)
        if hidden.any():
            top, left = near.min(0) - 4
            far[top : near[:, 0].max() + 5, left : near[:, 1].max() + 5] = False
            assert not np.isin(labels, indices("mouth", "u_lip", "l_lip")).any()
            assert (labels == INDEX["l_eye"]).sum() == (mask == INDEX["l_eye"]).sum()
        assert not far.any()
    assert 3 < drawn < 30
    assert (rgb == before[0]).all() and (mask == before[1]).all()


@pytest.mark.parametrize("part", ["nose", "lips"])
def test_a_face_whose_nose_or_lips_are_hidden_already_gets_none(part: str) -> None:
    rgb, mask = draw_face(SIZE, 1)
    hidden = indices("u_lip", "l_lip") if part == "lips" else indices("nose")
    mask[np.isin(mask, hidden)] = INDEX["skin"]
    assert all(cover(rgb, mask, np.random.default_rng(seed))[1] is mask for seed in SEEDS)


def test_the_same_chance_covers_the_same() -> None:
    rgb, mask = draw_face(SIZE, 1)
    for seed in SEEDS:
        first, second = (cover(rgb, mask, np.random.default_rng(seed)) for _ in range(2))
        assert all((one == other).all() for one, other in zip(first, second, strict=True))
