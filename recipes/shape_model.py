"""Learns the deformable 3-D shape of the 68 landmarks from two-dimensional landmark sets.

    python recipes/shape_model.py DATA SPLIT

DATA holds ``youtube_faces/``; SPLIT is what ``recipes/split.py`` wrote, and only its training folders are read. Every
face is a scaled orthographic view of a mean shape plus a few modes (non-rigid structure from motion, Bregler, Hertzmann
and Biermann, CVPR 2000), whose weights have a normal prior (point distribution model, Cootes et al., CVIU 1995). Shape,
modes, weights and views are solved together, by gradient descent on a robust distance: first the mean alone, then
all. The result is ``facelm/landmarks/shape_model.npz``; the error is that on the test folders, where it was not fitted.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from facelm.landmarks.points import MIRRORED_POINTS

MODES = 16
STEPS = 1500
NOISE = 0.02  # of the inter-ocular distance
NEUTRAL = 5.3  # degrees that the plane of eyes and mouth leans when a person looks straight ahead: median over FRL
MIRRORED = list(MIRRORED_POINTS)
VIDEO_EVERY, VIDEO_WEIGHT, VIDEO_TURNED = 6, 0.25, 0.06


def main(data: Path, split: Path) -> None:
    """Learn, write and test."""
    faces, weights = [], []
    for name in ("aflw", "facesynthetics"):
        for points in read(split / name / "train/landmarks68.json"):
            faces.append(points)
            weights.append(np.ones(68))
    for points in read(data / "youtube_faces/landmarks68.json")[::VIDEO_EVERY]:
        faces.append(points)
        weight = np.full(68, VIDEO_WEIGHT)
        # Marked in the picture plane: on a turned face the jaw is the outline of the cheek.
        middle = points[27:31, 0].mean() - points[[0, 16], 0].mean()
        weight[:17] *= 0.5 if abs(middle) < VIDEO_TURNED * np.ptp(points[:17, 0]) else 0
        weights.append(weight)
    views = np.array([normalise(each) for face in faces for each in (face, face[MIRRORED] * (-1, 1))])
    every = np.array([each for weight in weights for each in (weight, weight[MIRRORED])])
    torch.manual_seed(0)
    rigid, _, _ = solve(torch.tensor(start(views))[None], views, every, learn=True)
    modes = 0.01 * torch.randn(MODES, 68, 3)
    basis, _, amounts = solve(torch.cat([upright(rigid), modes]), views, every, learn=True)
    basis = whiten(basis, amounts)
    np.savez(
        Path(__file__).parent.parent / "facelm" / "landmarks" / "shape_model.npz",
        mean=basis[0].numpy().astype(np.float32),
        modes=basis[1:].numpy().astype(np.float32),
    )
    for name in ("aflw", "facesynthetics"):
        report(name, basis, np.array([normalise(points) for points in read(split / name / "test/landmarks68.json")]))


def read(path: Path) -> list[NDArray[np.float64]]:
    """The faces of a landmark file, by name."""
    return [np.array(points, float)[:68] for _, points in sorted(json.loads(path.read_text()).items())]


def normalise(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points centred, about one unit wide and high."""
    return (points - points.mean(0)) / np.sqrt(np.prod(np.ptp(points, 0)))


def start(views: NDArray[np.float64]) -> NDArray[np.float32]:
    """The mean of the most frontal views, on a bowl: far from the middle is far from the camera."""
    widths = abs(views[:, 45, 0] - views[:, 36, 0]) / np.linalg.norm(views[:, 8] - views[:, 27], axis=1)
    frontal = views[widths > np.quantile(widths, 0.7)]
    flat = np.mean([view / np.linalg.norm(view[45] - view[36]) for view in frontal], 0)
    depth = flat[:, 0] ** 2
    depth[27:36] -= 0.4
    return np.column_stack([flat, depth - depth.mean()]).astype(np.float32)


def solve(
    basis: Tensor, views: NDArray[np.float64], weights: NDArray[np.float64], learn: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Fit views (N, 68, 2), and the basis (1 + modes, 68, 3) too; basis, distances (N, 68), amounts (N, modes)."""
    seen, share = (torch.tensor(each, dtype=torch.float32) for each in (views, weights))
    pose = first_poses(basis[0].numpy(), views).requires_grad_()
    amounts = torch.zeros(len(views), len(basis) - 1, requires_grad=True)
    basis = basis.clone().requires_grad_(learn)
    optimizer = torch.optim.Adam([pose, amounts, *([basis] if learn else [])], 0.01 if learn else 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS, 2e-4)
    for _ in range(STEPS):
        distance = distances(basis, pose, amounts, seen) / NOISE
        robust = (1 + distance**2).sqrt() - 1
        loss = (share * robust).sum(1).mean() + 0.5 * (amounts**2).sum(1).mean() + 0.25 * (basis[1:] ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return basis.detach(), distances(basis, pose, amounts, seen), amounts.detach()


def distances(basis: Tensor, pose: Tensor, amounts: Tensor, seen: Tensor) -> Tensor:
    """Distance of each point from its view, (N, 68), in units of the shape."""
    shapes = basis[0] + torch.einsum("nk,kpd->npd", amounts, basis[1:])
    scale = torch.exp(pose[:, 3])[:, None, None]
    flat = scale * torch.einsum("nij,npj->npi", rotations(pose[:, :3])[:, :2], shapes) + pose[:, None, 4:]
    return ((flat - seen) / scale.detach()).norm(dim=2)


def rotations(vectors: Tensor) -> Tensor:
    """Rotation matrices (N, 3, 3) of rotation vectors (N, 3)."""
    x, y, z = vectors.unbind(1)
    nought = torch.zeros_like(x)
    return torch.linalg.matrix_exp(torch.stack([nought, -z, y, z, nought, -x, -y, x, nought], 1).view(-1, 3, 3))


def first_poses(shape: NDArray[np.float32], views: NDArray[np.float64]) -> Tensor:
    """Rotation vector, log scale and shift (N, 6) that about bring the shape to each view."""
    poses = []
    for view in views:
        affine = np.linalg.lstsq(shape - shape.mean(0), view, rcond=None)[0].T
        u, d, v = np.linalg.svd(affine, full_matrices=False)
        rows = u @ v
        turn = Rotation.from_matrix(np.vstack([rows, np.cross(*rows)])).as_rotvec()
        poses.append([*turn, np.log(d.mean()), *(-d.mean() * rows @ shape.mean(0))])
    return torch.tensor(poses, dtype=torch.float32)


def upright(basis: Tensor) -> Tensor:
    """The mean (1, 68, 3) centred, symmetric, in inter-ocular units, as when a person looks straight ahead."""
    shape = (basis[0] + basis[0, MIRRORED] * torch.tensor([-1, 1, 1])) / 2
    shape = (shape - shape.mean(0)) / (shape[45] - shape[36]).norm()
    down = (shape[48] + shape[54]) / 2 - shape[36:48].mean(0)
    tilt = float(torch.atan2(down[2], down[1])) + np.radians(NEUTRAL)
    turn = torch.tensor([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]])
    return (shape @ turn.T.float())[None]


def whiten(basis: Tensor, amounts: Tensor) -> Tensor:
    """The same shapes, from modes whose amounts are uncorrelated and have a variance of one, largest mode first."""
    flat = basis[1:].flatten(1)
    _, deviation, directions = torch.linalg.svd((amounts - amounts.mean(0)) @ flat / len(amounts) ** 0.5)
    mean = basis[0].flatten() + amounts.mean(0) @ flat
    modes = deviation[: len(flat), None] * directions[: len(flat)]
    return torch.cat([mean[None], modes]).view(-1, 68, 3)


def report(name: str, basis: Tensor, views: NDArray[np.float64]) -> None:
    """Print how well new faces are described, and how well the jaw and one side are completed from the rest."""
    everything = np.ones(views.shape[:2])
    rest = everything.copy()
    hidden = [*range(17), *range(22, 27), *range(42, 48)]
    rest[:, hidden] = 0
    for label, model in (("mean alone", basis[:1]), (f"{len(basis) - 1} modes", basis)):
        whole = solve(model, views, everything, learn=False)[1].mean()
        completed = solve(model, views, rest, learn=False)[1][:, hidden].mean()
        print(f"{name}, {label}: all points {100 * whole:.2f} %, completed ones {100 * completed:.2f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
