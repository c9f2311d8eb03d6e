from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facelm.pictures import affine


@given(st.floats(-3, 3), st.floats(0.01, 50), st.floats(-500, 500), st.floats(-500, 500))
def test_fit_similarity_recovers_a_similarity(angle: float, scale: float, x: float, y: float) -> None:
    source = np.array([[0, 0], [10, 1], [4, 9], [-3, 2]], float)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wanted = np.column_stack([turn, [x, y]])
    found = affine.fit_similarity(source, affine.apply(wanted, source), np.array([1, 2, 0.5, 1]))
    assert np.allclose(found, wanted, atol=1e-6 * (1 + scale))


def test_fit_similarity_follows_the_weights() -> None:
    source = np.array([[0, 0], [1, 0], [0, 1]], float)
    target = np.array([[0, 0], [2, 0], [5, 5]], float)
    found = affine.fit_similarity(source, target, np.array([1, 1, 1e-9]))
    assert np.allclose(affine.apply(found, source[:2]), target[:2], atol=1e-6)


def test_points_in_one_place_have_no_similarity() -> None:
    with pytest.raises(ValueError, match="coincide"):
        affine.fit_similarity(np.ones((3, 2)), np.eye(3, 2), np.ones(3))


def test_compose_and_invert_undo_each_other() -> None:
    matrix = np.array([[2, -1, 5], [1, 2, -7]], float)
    assert np.allclose(affine.compose(affine.invert(matrix), matrix), np.eye(2, 3))
