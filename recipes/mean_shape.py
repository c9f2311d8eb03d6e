"""Learn the mean 3-D shape of the 68 landmarks from two-dimensional landmark sets.

    python recipes/mean_shape.py DATA

DATA holds ``aflw/landmarks68.json`` and ``facesynthetics/landmarks70.json`` (a name -> list of points). Every face
is a scaled orthographic view of one rigid shape (Tomasi and Kanade, IJCV 1992); views and shape are solved in
turn until both agree. The result is written to ``facelm/mean_shape.csv``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROUNDS = 200
NEUTRAL = 5.3  # degrees that the plane of eyes and mouth leans when a person looks straight ahead: median over FRL
MIRROR = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
MIRROR += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
MIRROR += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]


def main(data: Path) -> None:
    """Solve for the shape and write it."""
    faces = []
    for name in ("aflw/landmarks68.json", "facesynthetics/landmarks70.json"):
        for points in json.loads((data / name).read_text()).values():
            view = np.array(points, float)[:68]
            faces += [view, view[MIRROR] * (-1, 1)]
    views = np.array([face - face.mean(0) for face in faces])
    shape = start(views)
    for _ in range(ROUNDS):
        poses = [pose(view, shape) for view in views]
        left = sum(rotation.T @ rotation for _, rotation in poses)
        right = sum(rotation.T @ (view / scale).T for (scale, rotation), view in zip(poses, views, strict=True))
        shape = np.linalg.solve(left, right).T
        shape = upright((shape + shape[MIRROR] * (-1, 1, 1)) / 2)
    errors = [
        np.linalg.norm(view - scale * shape @ rotation.T, axis=1).mean() / (scale * interocular(shape))
        for (scale, rotation), view in zip(poses, views, strict=True)
    ]
    out = Path(__file__).parent.parent / "facelm" / "mean_shape.csv"
    np.savetxt(out, shape, "%.4f", delimiter=",")
    print(f"{out.name}: mean distance to {len(views)} views {100 * np.mean(errors):.2f} % of the inter-ocular distance")


def start(views: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the most frontal views, on a bowl: far from the middle is far from the camera."""
    widths = np.abs(views[:, 45, 0] - views[:, 36, 0]) / np.linalg.norm(views[:, 8] - views[:, 27], axis=1)
    frontal = views[widths > np.quantile(widths, 0.7)]
    flat = np.mean([view / interocular(view) for view in frontal], 0)
    depth = flat[:, 0] ** 2
    depth[27:36] -= 0.4
    return np.column_stack([flat, depth - depth.mean()])


def interocular(points: NDArray[np.float64]) -> float:
    """Distance of the outer eye corners."""
    return float(np.linalg.norm(points[45] - points[36]))


def pose(view: NDArray[np.float64], shape: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Scale, and the upper two rows of the rotation, that bring the shape (68, 3) to the view (68, 2)."""
    affine = np.linalg.lstsq(shape, view, rcond=None)[0].T
    u, d, v = np.linalg.svd(affine, full_matrices=False)
    return float(d.mean()), u @ v


def upright(shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shape centred, in inter-ocular units, as it is when a person looks straight ahead."""
    shape = (shape - shape.mean(0)) / interocular(shape)
    eyes, mouth = shape[36:48].mean(0), (shape[48] + shape[54]) / 2
    down = mouth - eyes
    tilt = np.arctan2(down[2], down[1]) + np.radians(NEUTRAL)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]])
    return shape @ turn.T


if __name__ == "__main__":
    main(Path(sys.argv[1]))
