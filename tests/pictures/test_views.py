from __future__ import annotations

import numpy as np

from facelm.pictures import views


def test_only_dark_pictures_are_exposed_longer() -> None:
    light = np.random.default_rng(0).integers(0, 256, (30, 20, 1)).astype(np.uint8)
    light = np.ascontiguousarray(np.broadcast_to(np.kron(light, np.ones((10, 10, 1), np.uint8)), (300, 200, 3)))
    assert np.array_equal(views.expose(light), light)
    dark = (light * 0.1).astype(np.uint8)
    exposed = views.expose(dark)
    assert exposed.shape == dark.shape and exposed.dtype == np.uint8
    assert np.abs(exposed - light * (230 / 255.0)).max() < 12
    assert not views.expose(np.zeros((5, 4, 3), np.uint8)).any()


def test_a_lit_spot_in_the_dark_is_not_overexposed() -> None:
    stage = np.full((1000, 1000, 3), 4, np.uint8)
    stage[400:424, 500:524] = 200
    assert np.array_equal(views.expose(stage), stage)
    assert views.expose(stage, np.s_[600:, :]).max() == 255
