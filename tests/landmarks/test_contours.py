from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facelm.landmarks.contours import find_outline, find_outlines, sample_arc


def soft_ellipse(x: float, y: float, a: float, b: float, size: int = 100) -> NDArray[np.float32]:
    """Probability that falls through one half exactly on an ellipse."""
    rows, columns = np.mgrid[:size, :size]
    distance = (1 - np.hypot((columns - x) / a, (rows - y) / b)) * min(a, b)
    return (1 / (1 + np.exp(-2 * distance))).astype(np.float32)


def test_outline_of_a_disc_is_exact_to_a_tenth_of_a_pixel() -> None:
    outline = find_outline(soft_ellipse(40.3, 52.7, 15, 15), np.array([40, 50]), 20)
    assert outline is not None
    radius = np.linalg.norm(outline.points - (40.3, 52.7), axis=1)
    assert abs(radius - 15).max() < 0.1
    assert np.abs(outline.centroid - (40.3, 52.7)).max() < 0.05
    assert 0.8 < outline.confidence <= 1


def test_ends_and_arcs_of_an_ellipse() -> None:
    outline = find_outline(soft_ellipse(50, 50, 30, 10), np.array([50, 50]), 20)
    assert outline is not None
    left, right = outline.ends()
    assert np.abs(outline.points[left] - (20, 50)).max() < 1
    assert np.abs(outline.points[right] - (80, 50)).max() < 1
    upper, lower = outline.arcs(left, right)
    assert np.abs(sample_arc(upper, [0.5])[0] - (50, 40)).max() < 1
    assert np.abs(sample_arc(lower, [0.5])[0] - (50, 60)).max() < 1
    assert upper[0, 0] < upper[-1, 0] and lower[0, 0] < lower[-1, 0]


def test_the_nearer_of_two_regions_is_taken() -> None:
    both = np.maximum(soft_ellipse(25, 50, 10, 6), soft_ellipse(75, 50, 10, 6))
    outline = find_outline(both, np.array([72, 52]), 20)
    assert outline is not None and abs(outline.centroid[0] - 75) < 0.5


def test_several_places_have_an_outline_each() -> None:
    both = np.maximum(soft_ellipse(25, 50, 10, 6), soft_ellipse(75, 50, 10, 6))
    places = [np.array([72.0, 52.0]), np.array([50.0, 10.0]), np.array([28.0, 52.0])]
    right, nothing, left = find_outlines(both, places, 20)
    assert right is not None and abs(right.centroid[0] - 75) < 0.5
    assert left is not None and abs(left.centroid[0] - 25) < 0.5
    assert nothing is None


def test_no_region_within_reach_is_none() -> None:
    assert find_outline(soft_ellipse(20, 20, 8, 8), np.array([80, 80]), 20) is None
    assert find_outline(np.zeros((50, 50), np.float32), np.array([25, 25]), 20) is None


def test_a_region_cut_by_the_border_is_closed_there() -> None:
    outline = find_outline(soft_ellipse(0, 50, 15, 15), np.array([5, 50]), 20)
    assert outline is not None and outline.points[:, 0].min() >= -1


def test_sample_arc_goes_by_length() -> None:
    arc = np.array([[0, 0], [1, 0], [1, 3]], float)
    assert np.allclose(sample_arc(arc, [0, 0.25, 0.625, 1]), [[0, 0], [1, 0], [1, 1.5], [1, 3]])


def test_outlines_run_clockwise_also_around_a_hole() -> None:
    ring = soft_ellipse(50, 50, 40, 40) - soft_ellipse(50, 50, 20, 20)
    ring[:, :8] = 0
    outlines = find_outlines(ring, [np.array([50.0, 50.0])], 10)
    assert outlines[0] is not None
    x, y = outlines[0].points.T
    assert x @ np.roll(y, -1) > y @ np.roll(x, -1)


def test_an_outline_passes_pixels_of_exactly_one_half_but_once() -> None:
    field = np.random.default_rng(0).choice(np.array([0, 0.5, 1], np.float32), (60, 60))
    field[15:45, 15:45] = 1
    outline = find_outline(field, np.array([29.5, 29.5]), 10)
    assert outline is not None
    assert len(np.unique(outline.points, axis=0)) == len(outline.points)
