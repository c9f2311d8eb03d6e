"""The shape of a face in three dimensions: head pose from landmarks, and landmarks that cannot be seen.

A face is taken for a scaled orthographic view of a mean shape plus a few modes (a point distribution model, Cootes et
al., CVIU 1995, in 3-D), learned from landmark sets by ``recipes/shape_model.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

_NOISE = 0.02  # of the inter-ocular distance; what a mode's amount of one is weighed against
_INLIER = 3.0  # times the noise
_STARTS = (0.0, -0.8, 0.8)  # yaw, radians
_STEPS = 12
_DAMPING = 1e-3
_TURN_WEIGHT = 0.3


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


@dataclass(frozen=True, eq=False)
class ShapeModel:
    """Mean and modes of the 68 landmarks; x right, y down, z away from the camera, in inter-ocular distances.

    Attributes:
        mean: (68, 3) float64.
        modes: (K, 68, 3) float64, each for one standard deviation.
    """

    mean: NDArray[np.float64]
    modes: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ShapeFit:
    """The model as it was fitted to a face.

    Attributes:
        pose: Head pose.
        points: (68, 3) all landmarks of the fitted shape, float64: x, y in the frame of the input, and z in its
            unit, 0 at the middle of the head's landmarks, growing away from the camera.
        scale: Distance of the outer eye corners of the mean head, were it seen from the front.
    """

    pose: Pose
    points: NDArray[np.float64]
    scale: float


@dataclass(eq=False)
class _State:
    """Rotation, logarithm of the scale, shift, and amounts of the modes; and what they cost."""

    rotation: NDArray[np.float64]
    log_scale: float
    shift: NDArray[np.float64]
    amounts: NDArray[np.float64]
    cost: float = np.inf


@cache
def shape_model() -> ShapeModel:
    """The shipped shape model."""
    with np.load(Path(__file__).with_name("shape_model.npz"), allow_pickle=False) as file:
        return ShapeModel(file["mean"].astype(float), file["modes"].astype(float))


def fit_shape(points: NDArray[np.float64], weights: NDArray[np.float64]) -> ShapeFit:
    """Fit the shape model to landmarks, robustly: Gauss-Newton on a soft L1 distance, reweighted in each step.

    Args:
        points: (68, 2) x, y, float64, any frame with y down; points of weight 0 may be anything, NaN too.
        weights: (68,), from 0 to 1; at least three points that are not on one line need a weight.

    Returns:
        Pose, and the whole shape.

    Raises:
        ValueError: Fewer than three points have a weight.
    """
    used = weights > 0
    if used.sum() < 3:
        raise ValueError("a shape needs three landmarks at least")
    model = shape_model()
    part = ShapeModel(model.mean[used], model.modes[:, used])
    start = _fit_flat(part.mean[:, :2], points[used], weights[used])
    states = [_descend(part, points[used], weights[used], start, yaw) for yaw in _STARTS]
    best = min(states, key=lambda state: state.cost)
    roll, yaw, pitch = Rotation.from_matrix(best.rotation).as_euler("ZYX", degrees=True)
    shape = model.mean + np.tensordot(best.amounts, model.modes, 1)
    placed = np.exp(best.log_scale) * shape @ best.rotation.T
    placed[:, :2] += best.shift
    # z points away from the camera: a nose that moves right or up turns negatively about y or x.
    return ShapeFit(Pose(float(-yaw), float(-pitch), float(roll)), placed, float(np.exp(best.log_scale)))


def _descend(
    model: ShapeModel, seen: NDArray[np.float64], weights: NDArray[np.float64], flat: NDArray[np.float64], yaw: float
) -> _State:
    """Fit from one start: the flat fit (angle, log scale, shift), turned to a yaw."""
    turned = Rotation.from_euler("ZYX", (flat[0], yaw, 0)).as_matrix()
    state = _State(turned, flat[1], flat[2:] * 1.0, np.zeros(len(model.modes)))
    for _ in range(_STEPS):
        state = _step(model, seen, weights, state)
    off = _residuals(model, seen, state)[0] / _INLIER
    robust = 2 * _INLIER**2 * (np.sqrt(1 + (off**2).sum(1)) - 1)
    turn = _TURN_WEIGHT * Rotation.from_matrix(state.rotation).as_rotvec()[:2]
    state.cost = float(weights @ robust + state.amounts @ state.amounts + turn @ turn)
    return state


def _residuals(
    model: ShapeModel, seen: NDArray[np.float64], state: _State
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Distances (N, 2) in units of the noise, the shape turned (N, 3), and that unit."""
    turned = (model.mean + np.tensordot(state.amounts, model.modes, 1)) @ state.rotation.T
    scale = np.exp(state.log_scale)
    unit = scale * _NOISE
    return (scale * turned[:, :2] + state.shift - seen) / unit, turned, unit


def _step(model: ShapeModel, seen: NDArray[np.float64], weights: NDArray[np.float64], state: _State) -> _State:
    """One damped Gauss-Newton step on all parameters."""
    off, turned, unit = _residuals(model, seen, state)
    x, y, z = turned.T
    count = len(state.amounts)
    slope = np.zeros((len(seen), 2, 6 + count))
    slope[:, 0, 1], slope[:, 0, 2], slope[:, 0, 3] = z, -y, x
    slope[:, 1, 0], slope[:, 1, 2], slope[:, 1, 3] = -z, x, y
    slope[:, :, :4] /= _NOISE
    slope[:, 0, 4] = slope[:, 1, 5] = 1 / unit
    slope[:, :, 6:] = (model.modes @ state.rotation.T)[:, :, :2].transpose(1, 2, 0) / _NOISE
    share = weights / np.sqrt(1 + (off**2).sum(1) / _INLIER**2)
    weighted = (slope * share[:, None, None]).reshape(-1, 6 + count)
    prior = np.zeros(6 + count)
    prior[:2], prior[6:] = _TURN_WEIGHT**2, 1
    turn = Rotation.from_matrix(state.rotation).as_rotvec()
    at = np.concatenate([turn[:2], np.zeros(4), state.amounts])
    normal = weighted.T @ slope.reshape(-1, 6 + count) + np.diag(prior)
    normal += np.diag(_DAMPING * np.diag(normal) + 1e-12)
    move = np.linalg.solve(normal, -(weighted.T @ off.ravel() + prior * at))
    # No step turns the head by more than half a radian: far from the solution the linear view of it misleads.
    move *= min(1.0, 0.5 / max(1e-12, float(np.linalg.norm(move[:3]))))
    return _State(
        Rotation.from_rotvec(move[:3]).as_matrix() @ state.rotation,
        state.log_scale + float(np.clip(move[3], -0.5, 0.5)),
        state.shift + move[4:6],
        state.amounts + move[6:],
    )


def _fit_flat(
    shape: NDArray[np.float64], seen: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Start values (angle, log scale, shift) from a similarity transform of the frontal shape."""
    share = weights / weights.sum()
    centre, seen_centre = share @ shape, share @ seen
    a = (shape - centre) @ (1, 1j)
    b = (seen - seen_centre) @ (1, 1j)
    turn = (share * np.conj(a) * b).sum() / max(1e-12, float(share @ abs(a) ** 2))
    moved = turn * complex(*centre)
    shift = seen_centre - (moved.real, moved.imag)
    return np.array([np.angle(turn), np.log(max(abs(turn), 1e-9)), *shift])
