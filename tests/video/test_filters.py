from __future__ import annotations

import numpy as np
import pytest

from facelm.video.filters import OneEuroFilter, Response

RESPONSE = Response(rest=0.6, gain=10.0, calm=0.1, agility=3.0)


def run(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    smooth = OneEuroFilter(RESPONSE)
    return np.stack([smooth(value, time) for value, time in zip(values, times, strict=True)])


def test_what_stands_still_stops_trembling_and_what_moves_is_followed() -> None:
    times = np.arange(120) / 30
    noise = np.random.default_rng(0).normal(0, 0.003, (120, 10, 2))
    assert run(noise, times)[40:].std(0).mean() < 0.3 * noise[40:].std(0).mean()
    moving = np.zeros((120, 10, 2)) + (2 * times)[:, None, None]
    assert abs(run(moving, times) - moving)[30:].max() < 2 / 30


def test_true_time_counts() -> None:
    step = np.array([[[0.0]], [[1.0]]])
    soon, late = (run(step, np.array([0, after]))[1, 0, 0] for after in (0.01, 1.0))
    assert soon < late == pytest.approx(1, abs=0.1)
