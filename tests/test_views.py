from __future__ import annotations

import numpy as np
import pytest

from facelm import align, views


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_picture_and_its_transform_agree(quarters: int) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (7, 11, 3), np.uint8)
    turned = views.turn(rgb, quarters)
    for x, y in ((0, 0), (10, 0), (3, 6), (5, 2)):
        ((a, b),) = (
            align.apply(views.turn_transform(quarters, rgb.shape), np.array([[x, y]], float)).round().astype(int)
        )
        assert np.array_equal(turned[b, a], rgb[y, x])


def test_brightening_lifts_the_dark_and_keeps_shape_and_type() -> None:
    dark = np.random.default_rng(0).integers(0, 20, (80, 60, 3)).astype(np.uint8)
    bright = views.brighten(dark)
    assert bright.shape == dark.shape and bright.dtype == np.uint8
    assert bright.mean() > 2 * dark.mean()
