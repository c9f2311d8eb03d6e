from __future__ import annotations

import numpy as np
import pytest

from facelm.finding.grids import OUTPUTS, POINT_UNIT, STRIDES, Sightings, decode, suppress


def sightings(*boxes: tuple[float, float, float, float, float]) -> Sightings:
    """Places with a score and a box each; their points lie in the middle."""
    values = np.array(boxes, float)
    middles = (values[:, 1:3] + values[:, 3:]) / 2
    return Sightings(values[:, 0], values[:, 1:], np.repeat(middles[:, None], 5, 1))


@pytest.mark.parametrize(("stride", "row", "column"), [(8, 3, 11), (16, 0, 5), (32, 1, 2)])
def test_a_place_of_each_grid_is_read_where_it_lies(stride: int, row: int, column: int) -> None:
    height, width = 64, 96
    counts = [height // each * (width // each) for each in STRIDES]
    raw = np.zeros((sum(counts), OUTPUTS), np.float32)
    raw[:, 0] = -9
    place = sum(counts[: STRIDES.index(stride)]) + row * (width // stride) + column
    raw[place] = [2, 0.5, -0.25, np.log(1.5), np.log(2), *[0.25] * 10]
    seen = decode(raw, (height, width), 0.5)
    assert len(seen) == 1
    assert seen.scores[0] == pytest.approx(1 / (1 + np.exp(-2)))
    x, y = column * stride + (stride - 1) / 2, row * stride + (stride - 1) / 2
    box = (x - stride, y - 2.25 * stride, x + 2 * stride, y + 1.75 * stride)
    assert seen.boxes[0] == pytest.approx(box, abs=1e-4)
    assert seen.points[0] == pytest.approx(np.tile((x, y), (5, 1)) + 0.25 * POINT_UNIT * stride)


def test_nothing_seen_is_nothing() -> None:
    raw = np.full((64 * 64 * 21 // 1024, OUTPUTS), -9, np.float32)
    assert len(suppress(decode(raw, (64, 64), 0.1))) == 0


def test_of_places_on_one_face_the_surest_stays_and_neighbours_stay_too() -> None:
    seen = sightings((0.6, 12, 10, 52, 60), (0.9, 10, 10, 50, 60), (0.7, 46, 12, 86, 60), (0.8, 200, 10, 240, 60))
    assert suppress(seen).scores.tolist() == [0.9, 0.8, 0.7]


def test_a_box_that_turns_by_quarters_has_its_sides_swapped() -> None:
    turned = sightings((1, 0, 0, 20, 40)).moved(np.array([[0.0, -1, 100], [1, 0, 0]]))
    assert turned.boxes[0] == pytest.approx((60, 0, 100, 20))
    assert turned.points[0, 0] == pytest.approx((80, 10))


def test_the_side_of_a_box() -> None:
    assert sightings((1, 0, 0, 20, 45)).sides == pytest.approx([30])
