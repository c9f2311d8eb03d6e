"""What the landmark network's answers cost in training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from facelm.landmarks.learned import VIEW

_JAWS = [*range(17), *range(68, 85)]
_CHINS = (8, 76)
_SPREAD = 1.0  # of what a heatmap is to look like, cells
_NEAR = 0.3  # pixels of the view within which the cost of a distance is a parabola
_ERROR_WEIGHT, _COVER_WEIGHT = 0.1, 0.2


def lose(told: tuple[Tensor, ...], points: Tensor, line: Tensor, covered: Tensor, heat_weight: float) -> Tensor:
    """The loss of a batch.

    Args:
        told: What `facelm.training.landmark_net.LandmarkNet` says.
        points: (N, OUTPUTS, 2) true places, fractions of width and height; NaN where they are not known.
        line: (N, L, 2) along the jaw, likewise.
        covered: (N, OUTPUTS) 1 where a cover lies on a point, 0 where none does, NaN where that is not known.
        heat_weight: Of the cross entropy of the heatmaps.
    """
    found, log_error, hidden, heat = told
    size = torch.tensor(VIEW, dtype=torch.float32)
    known = torch.isfinite(points[..., 0])
    goal = points.nan_to_num(0.5)
    distance = _length((found - goal) * size)
    on_line, to_line = _to_line(found * size, line * size)
    beside = on_line & ~known
    distance, known = torch.where(beside, to_line, distance), known | beside
    near = functional.smooth_l1_loss(distance, torch.zeros_like(distance), reduction="none", beta=_NEAR)[known].mean()
    log_error = log_error.clamp(-8, 0)
    # The likelihood of a Laplace distribution (LUVLi; Kumar et al., CVPR 2020); it moves no point.
    likelihood = (distance.detach() / VIEW[0] * torch.exp(-log_error) + log_error)[known].mean()
    sure = torch.isfinite(covered)
    cover = functional.binary_cross_entropy_with_logits(hidden[sure], covered[sure])
    within = known & ~beside & ((goal > 0) & (goal < 1)).all(2)
    return near + heat_weight * _cross(heat, goal)[within].mean() + _ERROR_WEIGHT * likelihood + _COVER_WEIGHT * cover


def _length(vectors: Tensor) -> Tensor:
    return vectors.square().sum(-1).clamp(min=1e-6).sqrt()


def _to_line(found: Tensor, line: Tensor) -> tuple[Tensor, Tensor]:
    """Which points are to lie anywhere on a line, and the distance of each from it: (N, OUTPUTS)."""
    on_line = torch.zeros(found.shape[:2], dtype=torch.bool)
    distance = torch.zeros(found.shape[:2])
    rows = torch.isfinite(line[:, 0, 0]).nonzero()[:, 0]
    if not len(rows):
        return on_line, distance
    start = line[rows, None, :-1]
    way = line[rows, None, 1:] - start
    off = found[rows][:, _JAWS, None] - start
    along = ((off * way).sum(-1) / way.square().sum(-1).clamp(min=1e-9)).clamp(0, 1)
    shortest = _length(off - along[..., None] * way).min(2).values
    at = rows[:, None], torch.tensor(_JAWS)
    on_line[at] = True
    on_line[:, _CHINS] = False
    return on_line, distance.index_put(at, shortest)


def _cross(heat: Tensor, goal: Tensor) -> Tensor:
    """Cross entropy (N, OUTPUTS) of the heatmaps and a normal distribution around the true places."""
    height, width = heat.shape[2:]
    rows = _bell(goal[..., 1:] * height - 0.5, height)
    columns = _bell(goal[..., :1] * width - 0.5, width)
    log_share = heat.flatten(2).log_softmax(2).unflatten(2, (height, width))
    return -torch.einsum("npyx,npy,npx->np", log_share, rows, columns)


def _bell(at: Tensor, count: int) -> Tensor:
    return ((at - torch.arange(count)).square() * (-0.5 / _SPREAD**2)).softmax(2)
