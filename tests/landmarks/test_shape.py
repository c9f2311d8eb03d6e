from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from facelm.landmarks.shape import fit_shape, shape_model


def view(yaw: float, pitch: float, roll: float, scale: float = 120.0) -> NDArray[np.float64]:
    """The mean shape seen orthographically; angles as the documentation of Pose defines them."""
    y, p, r = np.radians([-yaw, -pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turned = shape_model().mean @ (about_z @ about_y @ about_x).T
    return scale * turned[:, :2] + (300, 200)


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (40, 0, 0), (-40, 10, 20), (15, -20, -30), (0, 20, 90), (80, 0, 0), (-85, 10, 10)]
)
def test_pose_is_recovered(angles: tuple[float, float, float]) -> None:
    fit = fit_shape(view(*angles), np.ones(68))
    assert np.allclose([fit.pose.yaw, fit.pose.pitch, fit.pose.roll], angles, atol=2)
    assert np.linalg.norm(fit.points[:, :2] - view(*angles), axis=1).max() < 3


def test_signs() -> None:
    nose, eyes = view(30, 0, 0)[30], view(30, 0, 0)[[36, 45]].mean(0)
    assert nose[0] > eyes[0], "positive yaw turns the nose to the picture's right"
    assert view(0, 25, 0)[30, 1] < view(0, 0, 0)[30, 1], "positive pitch lifts the nose"
    assert view(0, 0, 20)[45, 1] > view(0, 0, 20)[36, 1], "positive roll is clockwise"


def test_hidden_points_are_completed() -> None:
    truth = view(-35, 5, 10)
    weights = np.ones(68)
    weights[36:48] = 0
    seen = truth.copy()
    seen[36:48] = np.nan
    fit = fit_shape(seen, weights)
    assert np.linalg.norm(fit.points[36:48, :2] - truth[36:48], axis=1).max() < 3


def test_one_gross_outlier_changes_little() -> None:
    seen = view(20, 0, 0)
    seen[54] += (150, -90)
    fit = fit_shape(seen, np.ones(68))
    assert abs(fit.pose.yaw - 20) < 4 and abs(fit.pose.roll) < 3


def test_three_points_are_needed() -> None:
    with pytest.raises(ValueError, match="three"):
        fit_shape(view(0, 0, 0), np.eye(68)[0] + np.eye(68)[1])


def test_a_fit_may_start_from_another_of_the_same_face() -> None:
    first = fit_shape(view(30, 5, 10), np.ones(68))
    seen = view(34, 4, 12)
    again, afresh = fit_shape(seen, np.ones(68), first.state), fit_shape(seen, np.ones(68))
    np.testing.assert_allclose(again.points, afresh.points, atol=1)
    assert again.pose.yaw == pytest.approx(afresh.pose.yaw, abs=1)
