"""The shape of a face in three dimensions: head pose from landmarks, and landmarks that cannot be seen.

A face is taken for a scaled orthographic view of one mean shape, learned from landmark sets by
``recipes/mean_shape.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

_INLIER = 0.06
_TURN_WEIGHT = 0.02


@dataclass(frozen=True)
class Pose:
    """Head pose in degrees, all zero for a face that looks straight into the camera.

    Attributes:
        yaw: Turn about the vertical axis; positive when the face turns to its own left (the picture's right).
        pitch: Nod; positive when the face looks up.
        roll: Tilt in the picture plane; positive is clockwise.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True)
class ShapeFit:
    """The mean shape as it was fitted to a face.

    Attributes:
        pose: Head pose.
        points: (68, 2) x, y of all landmarks of the fitted mean shape, float64, in the frame of the input.
        scale: Inter-ocular distance (outer eye corners) of an unturned face of this size, same unit.
    """

    pose: Pose
    points: NDArray[np.float64]
    scale: float


@cache
def mean_shape() -> NDArray[np.float64]:
    """The mean shape: (68, 3) float64; x right, y down, z away from the camera, in inter-ocular distances."""
    return np.loadtxt(Path(__file__).with_name("mean_shape.csv"), delimiter=",")


def fit_shape(points: NDArray[np.float64], weights: NDArray[np.float64]) -> ShapeFit:
    """Fit the mean shape to landmarks by rotation, scale and shift, robustly (soft L1).

    Args:
        points: (68, 2) x, y, float64, any frame with y down; points of weight 0 may be anything, NaN too.
        weights: (68,), not negative; at least three points that are not on one line need a weight.

    Returns:
        Pose and position of the whole shape.

    Raises:
        ValueError: Fewer than three points have a weight.
    """
    used = weights > 0
    if used.sum() < 3:
        raise ValueError("a shape needs three landmarks at least")
    shape, seen = mean_shape()[used], points[used]
    share = np.sqrt(weights[used] / weights[used].sum())[:, None]
    start = _fit_flat(shape[:, :2], seen, share**2)
    unit = np.exp(start[3])

    def residuals(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        off = (_project(shape, parameters) - seen) / unit * share
        # A weak pull towards no turn decides where too few points are left to tell.
        return np.concatenate([off.ravel(), _TURN_WEIGHT * parameters[:2]])

    parameters = least_squares(
        residuals, start, loss="soft_l1", f_scale=_INLIER, x_scale=[1, 1, 1, 1, unit, unit], max_nfev=60
    ).x
    rotation = Rotation.from_rotvec(parameters[:3])
    roll, yaw, pitch = rotation.as_euler("ZYX", degrees=True)
    # z points away from the camera: a nose that moves right or up turns negatively about y or x.
    return ShapeFit(
        Pose(float(-yaw), float(-pitch), float(roll)),
        _project(mean_shape(), parameters),
        float(np.exp(parameters[3])),
    )


def _fit_flat(
    shape: NDArray[np.float64], seen: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Start values (rotation vector, log scale, shift) from a similarity transform of the frontal shape."""
    centre, seen_centre = (weights * shape).sum(0), (weights * seen).sum(0)
    a = (shape - centre) @ (1, 1j)
    b = (seen - seen_centre) @ (1, 1j)
    turn = (weights[:, 0] * np.conj(a) * b).sum() / max(1e-12, (weights[:, 0] * abs(a) ** 2).sum())
    shift = seen_centre - _as_point(turn * complex(*centre))
    return np.array([0, 0, np.angle(turn), np.log(max(abs(turn), 1e-9)), *shift])


def _as_point(number: complex) -> NDArray[np.float64]:
    return np.array([number.real, number.imag])


def _project(shape: NDArray[np.float64], parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scaled orthographic projection: (N, 3) to (N, 2)."""
    turned: NDArray[np.float64] = Rotation.from_rotvec(parameters[:3]).apply(shape)[:, :2]
    return np.exp(parameters[3]) * turned + parameters[4:]
