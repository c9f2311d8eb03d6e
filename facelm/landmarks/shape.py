"""The shape of a face in three dimensions: head pose from landmarks, and landmarks that cannot be seen.

A face is taken for a scaled orthographic view of a mean shape plus a few modes (a point distribution model, Cootes et
al., CVIU 1995, in 3-D), learned from landmark sets by ``recipes/shape_model.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.pictures import affine

_NOISE = 0.02  # of the inter-ocular distance; what a mode's amount of one is weighed against
_INLIER = 3.0  # times the noise
_STARTS = (0.0, -0.8, 0.8)  # yaw, radians
_STEPS = 12
_TRIED = 2  # steps after which the best of several attempts goes on alone
_SETTLED = 3e-2  # a step of so little ends the fit
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
class State:
    """B attempts at a fit: rotations (B, 3, 3), log scales (B,), shifts (B, 2), amounts of modes (B, K)."""

    rotation: NDArray[np.float64]
    log_scale: NDArray[np.float64]
    shift: NDArray[np.float64]
    amounts: NDArray[np.float64]

    def pick(self, index: int) -> State:
        """One of the attempts."""
        one = slice(index, index + 1)
        return State(self.rotation[one], self.log_scale[one], self.shift[one], self.amounts[one])


@dataclass(frozen=True, eq=False)
class ShapeFit:
    """The model as it was fitted to a face.

    Attributes:
        pose: Head pose.
        points: (68, 3) all landmarks of the fitted shape, float64: x, y in the frame of the input, and z in its
            unit, 0 at the middle of the head's landmarks, growing away from the camera.
        scale: Distance of the outer eye corners of the mean head, were it seen from the front.
        state: What another fit to the same face may start from.
    """

    pose: Pose
    points: NDArray[np.float64]
    scale: float
    state: State


@cache
def shape_model() -> ShapeModel:
    """The shipped shape model."""
    with np.load(Path(__file__).with_name("shape_model.npz"), allow_pickle=False) as file:
        return ShapeModel(file["mean"].astype(float), file["modes"].astype(float))


def fit_shape(points: NDArray[np.float64], weights: NDArray[np.float64], start: State | None = None) -> ShapeFit:
    """Fit the shape model to landmarks, robustly: Gauss-Newton on a soft L1 distance, reweighted in each step.

    Args:
        points: (68, 2) x, y, float64, any frame with y down; points of weight 0 may be anything, NaN too.
        weights: (68,), from 0 to 1; at least three points that are not on one line need a weight.
        start: Of a fit to other points of the same face in the same frame; without it, several starts are tried.

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
    seen, weights = points[used], weights[used]
    state = start or _start(part, seen, weights)
    for step in range(_STEPS):
        state, moved = _step(part, seen, weights, state)
        if step == _TRIED - 1:
            state = state.pick(int(_cost(part, seen, weights, state).argmin()))
        if moved < _SETTLED and step >= _TRIED:
            break
    best = state
    (rotation,), (scale,) = best.rotation, np.exp(best.log_scale)
    roll, yaw, pitch = _to_angles(rotation)
    shape = model.mean + np.tensordot(best.amounts[0], model.modes, 1)
    placed = scale * shape @ rotation.T
    placed[:, :2] += best.shift
    # z points away from the camera: a nose that moves right or up turns negatively about y or x.
    return ShapeFit(Pose(-yaw, -pitch, roll), placed, float(scale), best)


def _start(model: ShapeModel, seen: NDArray[np.float64], weights: NDArray[np.float64]) -> State:
    """Attempts from the front and from both sides."""
    flat = affine.fit_similarity(model.mean[:, :2], seen, weights)
    angle, scale = np.arctan2(flat[1, 0], flat[0, 0]), np.hypot(flat[0, 0], flat[1, 0])
    count = len(_STARTS)
    return State(
        _to_matrices(np.array([(0, 0, angle)])) @ _to_matrices(np.array([(0, yaw, 0) for yaw in _STARTS])),
        np.full(count, np.log(max(scale, 1e-9))),
        np.tile(flat[:, 2], (count, 1)),
        np.zeros((count, len(model.modes))),
    )


def _cost(
    model: ShapeModel, seen: NDArray[np.float64], weights: NDArray[np.float64], state: State
) -> NDArray[np.float64]:
    """What each attempt costs: (B,)."""
    off = _residuals(model, seen, state)[0] / _INLIER
    robust = 2 * _INLIER**2 * (np.sqrt(1 + (off**2).sum(2)) - 1)
    turn = _TURN_WEIGHT * _to_vectors(state.rotation)[:, :2]
    costs: NDArray[np.float64] = robust @ weights + (state.amounts**2).sum(1) + (turn**2).sum(1)
    return costs


def _residuals(
    model: ShapeModel, seen: NDArray[np.float64], state: State
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Distances (B, N, 2) in units of the noise, the shapes turned (B, N, 3), and those units (B,)."""
    shapes = model.mean + np.tensordot(state.amounts, model.modes, 1)
    turned = shapes @ state.rotation.transpose(0, 2, 1)
    scale = np.exp(state.log_scale)
    unit = scale * _NOISE
    off = (scale[:, None, None] * turned[..., :2] + state.shift[:, None] - seen) / unit[:, None, None]
    return off, turned, unit


def _step(
    model: ShapeModel, seen: NDArray[np.float64], weights: NDArray[np.float64], state: State
) -> tuple[State, float]:
    """One damped Gauss-Newton step on all parameters, and how far it went at most, in radians and noise."""
    off, turned, unit = _residuals(model, seen, state)
    x, y, z = turned.transpose(2, 0, 1) / _NOISE
    tries, count = state.amounts.shape
    slope = np.zeros((tries, 6 + count, len(seen), 2))
    slope[:, 1, :, 0], slope[:, 2, :, 0], slope[:, 3, :, 0] = z, -y, x
    slope[:, 0, :, 1], slope[:, 2, :, 1], slope[:, 3, :, 1] = -z, x, y
    slope[:, 4, :, 0] = slope[:, 5, :, 1] = 1 / unit[:, None]
    slope[:, 6:] = model.modes @ (state.rotation[:, None, :2].swapaxes(2, 3) / _NOISE)
    share = weights / np.sqrt(1 + (off**2).sum(2) / _INLIER**2)
    flat = slope.reshape(tries, 6 + count, -1)
    weighted = (slope * share[:, None, :, None]).reshape(flat.shape)
    prior = np.zeros(6 + count)
    prior[:2], prior[6:] = _TURN_WEIGHT**2, 1
    at = np.concatenate([_to_vectors(state.rotation)[:, :2], np.zeros((tries, 4)), state.amounts], 1)
    normal = weighted @ flat.swapaxes(1, 2) + np.diag(prior)
    diagonal = np.einsum("bii->bi", normal)
    diagonal += _DAMPING * diagonal + 1e-12
    downhill = -((weighted @ off.reshape(tries, -1, 1))[..., 0] + prior * at)
    move = np.linalg.solve(normal, downhill[..., None])[..., 0]
    # No step turns the head by more than half a radian: far from the solution the linear view of it misleads.
    move *= np.minimum(1.0, 0.5 / np.linalg.norm(move[:, :3], axis=1).clip(1e-12))[:, None]
    moved = State(
        _to_matrices(move[:, :3]) @ state.rotation,
        state.log_scale + move[:, 3].clip(-0.5, 0.5),
        state.shift + move[:, 4:6],
        state.amounts + move[:, 6:],
    )
    move[:, 4:6] /= unit[:, None]
    return moved, float(abs(move).max())


def _to_matrices(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrices (B, 3, 3) of vectors (B, 3) whose length is the angle."""
    return np.stack([cv2.Rodrigues(vector)[0] for vector in vectors.astype(float)])


def _to_vectors(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation vectors (B, 3) of matrices (B, 3, 3)."""
    return np.stack([cv2.Rodrigues(each)[0][:, 0] for each in rotation])


def _to_angles(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Angles about z, then y, then x in degrees, each about the axis as the one before has turned it."""
    about_z = np.arctan2(rotation[1, 0], rotation[0, 0])
    about_y = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    about_x = np.arctan2(rotation[2, 1], rotation[2, 2])
    z, y, x = np.degrees([about_z, about_y, about_x])
    return float(z), float(y), float(x)
