from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import find_contours

from facelm.landmarks.isolines import trace


def from_lowest(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same closed line, from its leftmost point on, in the direction in which x grows first."""
    line = np.roll(line, -int(np.lexsort((line[:, 1], line[:, 0]))[0]), 0)
    return line if tuple(line[1]) > tuple(line[-1]) else np.roll(line[::-1], 1, 0)


def lowest(line: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(line[0])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("blur", [0.0, 1.0, 3.0])
def test_lines_are_those_of_skimage(seed: int, blur: float) -> None:
    rng = np.random.default_rng(seed)
    field = rng.random((40, 55)).astype(np.float32)
    if blur:
        field = cv2.GaussianBlur(field, (0, 0), blur).astype(np.float32)
    level = float(np.quantile(field, rng.uniform(0.2, 0.8)))
    field = np.pad(field, 1)
    expected = sorted((from_lowest(line[:-1, ::-1]) for line in find_contours(field, level)), key=lowest)
    found = sorted((from_lowest(line) for line in trace(field, level)), key=lowest)
    assert len(found) == len(expected) > 0
    for line, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(line, other, atol=1e-4)


def test_regions_run_clockwise_and_holes_counterclockwise() -> None:
    field = np.zeros((30, 30), np.float32)
    field[5:25, 5:25] = 1
    field[12:18, 12:18] = 0
    areas = []
    for line in trace(field, 0.5):
        x, y = line.T
        areas.append((x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
    # Each corner is cut by half a pixel on either side.
    assert sorted(areas) == [-(6 * 6 - 0.5), 20 * 20 - 0.5]


def test_a_single_pixel_is_a_diamond() -> None:
    field = np.zeros((5, 5), np.float32)
    field[2, 2] = 1
    (line,) = trace(field, 0.25)
    assert {tuple(point) for point in line} == {(2, 1.25), (2.75, 2), (2, 2.75), (1.25, 2)}


def test_nothing_above_the_level_has_no_line() -> None:
    assert trace(np.zeros((4, 6), np.float32), 0.5) == []
