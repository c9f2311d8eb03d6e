"""The loss of the finder: which places of the three grids answer for which face, and how well they do."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from facelm.finding.grids import POINT_UNIT, STRIDES

# Of the faces that each grid answers for, pixels; where two could, the better one does.
_RANGES = ((0.0, 56.0), (26.0, 120.0), (64.0, 1e6))
_REACH, _LEAST_REACH = 0.3, 6.0
_TOP = 8  # places that answer for a face
_BOX_WEIGHT, _POINTS_WEIGHT = 2.0, 20.0


@dataclass(frozen=True)
class Truth:
    """The faces of a batch, filled up to one number.

    Attributes:
        boxes: (B, G, 4).
        points: (B, G, 5, 2), NaN where not known.
        is_face: (B, G) bool.
        unsure: (B, G) bool.
        known: (B, K, 4) rectangles; empty ones are of no size.
    """

    boxes: Tensor
    points: Tensor
    is_face: Tensor
    unsure: Tensor
    known: Tensor


def make_cells(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Centres (P, 2) and strides (P,) of all places of the grids, in the order of the network's output."""
    centres, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        centres.append(torch.stack([x, y], -1).reshape(-1, 2) * stride + (stride - 1) / 2)
        strides.append(torch.full((y.numel(),), float(stride)))
    return torch.cat(centres).float(), torch.cat(strides)


def decode(raw: Tensor, centres: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes (..., 4) and points (..., 5, 2), pixels, from (..., 15)."""
    step = strides[:, None]
    middle = centres + raw[..., 1:3] * step
    half = torch.exp(raw[..., 3:5].clamp(-4, 4)) * step
    points = centres[:, None] + raw[..., 5:].unflatten(-1, (5, 2)) * step[..., None] * POINT_UNIT
    return torch.cat([middle - half, middle + half], -1), points


def overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al., CVPR 2019) of boxes (..., 4)."""
    low, high = torch.maximum(first[..., :2], second[..., :2]), torch.minimum(first[..., 2:], second[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    areas = (first[..., 2:] - first[..., :2]).prod(-1) + (second[..., 2:] - second[..., :2]).prod(-1)
    union = areas - both
    iou = both / union.clamp(min=1e-6)
    hull = torch.maximum(first[..., 2:], second[..., 2:]) - torch.minimum(first[..., :2], second[..., :2])
    hull = hull.prod(-1).clamp(min=1e-6)
    return iou, iou - (hull - union) / hull


@torch.no_grad()
def assign(
    scores: Tensor, boxes: Tensor, truth: Truth, centres: Tensor, strides: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Task-aligned assignment (Feng et al., ICCV 2021) among the places near the middle of each face.

    Returns:
        (B, P) index of the face of each place; (B, P) the score it should have; (B, P) bool, whether it counts when
        it has none.
    """
    size = (truth.boxes[..., 2:] - truth.boxes[..., :2]).clamp(min=1)
    side = size.prod(-1).sqrt()
    middle = (truth.boxes[..., :2] + truth.boxes[..., 2:]) / 2
    reach = (_REACH * size).clamp(min=_LEAST_REACH)
    across, down = ((centres[:, axis] - middle[..., axis, None]).abs() / reach[..., axis, None] for axis in (0, 1))
    closeness = (1 - torch.maximum(across, down)).clamp(min=0)
    low, high = (torch.tensor([bounds[at] for bounds in _RANGES]) for at in (0, 1))
    level = torch.log2(strides / STRIDES[0]).long()
    fits = (side[..., None] >= low[level]) & (side[..., None] < high[level])
    candidate = (closeness > 0) & fits & truth.is_face[..., None]
    batch, owner, place = candidate.nonzero(as_tuple=True)
    iou = torch.zeros_like(closeness)
    iou[batch, owner, place] = overlap(boxes[batch, place], truth.boxes[batch, owner])[0]
    metric = (scores.sigmoid()[:, None].sqrt() * iou**4 + 1e-5 * closeness + 1e-9) * candidate
    best, where = metric.topk(_TOP, -1)
    chosen = torch.zeros_like(metric).scatter_(-1, where, best)
    face = chosen.argmax(1)
    aligned = chosen.amax(1)
    # Of each face the best place should have the score of its overlap, the others less.
    peak = chosen.amax(2).clamp(min=1e-9)
    best_overlap = (iou * (chosen > 0)).amax(2).clamp(min=0.3)
    share = aligned / peak.gather(1, face) * best_overlap.gather(1, face)
    target = torch.where(aligned > 0, share, torch.zeros_like(share))
    doubtful = (_inside(centres, truth.boxes) & truth.unsure[..., None]).any(1)
    return face, target, _inside(centres, truth.known).any(1) & ~doubtful


def _inside(centres: Tensor, rectangles: Tensor) -> Tensor:
    """Which places (P, 2) lie in which of the rectangles (B, K, 4): (B, K, P)."""
    low, high = rectangles[:, :, None, :2], rectangles[:, :, None, 2:]
    return ((centres >= low) & (centres <= high)).all(-1)


def finder_loss(raw: Tensor, truth: Truth, centres: Tensor, strides: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Binary cross-entropy of scores, generalised IoU of boxes, distance of points in sides of the face."""
    boxes, points = decode(raw, centres, strides)
    scores = raw[..., 0]
    face, target, counts = assign(scores.detach(), boxes.detach(), truth, centres, strides)
    positive = target > 0
    weight = (counts | positive).float()
    total = target.sum().clamp(min=1)
    entropy = functional.binary_cross_entropy_with_logits(scores, target, reduction="none")
    focus = torch.where(positive, torch.ones_like(entropy), scores.detach().sigmoid().clamp(min=0.02).sqrt())
    score_loss = (entropy * weight * focus).sum() / total
    rows = torch.arange(len(raw))[:, None].expand_as(face)[positive]
    mine, share = face[positive], target[positive]
    true_boxes, true_points = truth.boxes[rows, mine], truth.points[rows, mine]
    _, general = overlap(boxes[positive], true_boxes)
    box_loss = ((1 - general) * share).sum() / total
    side = (true_boxes[:, 2:] - true_boxes[:, :2]).prod(-1).clamp(min=1).sqrt()
    known = true_points.isfinite()
    away = torch.where(known, points[positive] - true_points.nan_to_num(), torch.zeros_like(true_points))
    away = functional.smooth_l1_loss(away / side[:, None, None], torch.zeros_like(away), beta=0.02, reduction="none")
    point_loss = (away.mean((1, 2)) * share).sum() / total
    loss = score_loss + _BOX_WEIGHT * box_loss + _POINTS_WEIGHT * point_loss
    return loss, {"score": score_loss.item(), "box": box_loss.item(), "points": point_loss.item()}
