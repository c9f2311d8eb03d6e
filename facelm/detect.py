"""Detection: from the coarse parse of a whole picture to faces, as groups of parts that fit together.

Eyes, brows, noses, ears and mouths are connected regions of the coarse mask. Any two of them propose where a face
would be; the proposal that most other parts agree with wins, takes its parts, and the rest go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import align, classes
from facelm.labels import label, select, total

_KINDS: dict[str, tuple[str, ...]] = {
    "eye": ("l_eye", "r_eye"),
    "brow": ("l_brow", "r_brow"),
    "nose": ("nose",),
    "lips": classes.LIPS,
    "ear": ("l_ear", "r_ear"),
    "eye_g": ("eye_g",),
}
_WEIGHTS = {"eye": 0.8, "brow": 0.5, "nose": 1.0, "lips": 1.0, "ear": 0.8, "eye_g": 0.8}
_FACE = classes.indices(*classes.FACE)
MIDDLE = (0.5, 0.58)
"""The middle of the face in the canonical crop, a little above the tip of the nose."""

_SMALLEST_PART = 3
_MOST_PARTS = 400
_TOLERANCE = 0.11
_SCALE_TOLERANCE = 2.2
_LEAST_SUPPORT = 1.7
_SURELY_FRONT = 3.7  # support that a profile never has where the front has it
_LEAST_SKIN = 0.45


@dataclass(frozen=True)
class _Constellation:
    """Where the parts of a face are in the canonical crop, seen from one side.

    Attributes:
        places: x, y of each part, fractions of the side.
        areas: Of each kind of part, as shares of the crop.
        full_support: That of a face with all its parts; glasses stand in for eyes.
    """

    places: Mapping[str, tuple[float, float]]
    areas: Mapping[str, float]
    full_support: float


# Areas are medians over CelebAMask-HQ, and over faces of AFLW2000-3D turned by 60 degrees or more.
_FRONT = _Constellation(
    align.PARTS, {"eye": 0.00226, "brow": 0.0041, "nose": 0.0205, "lips": 0.0125, "eye_g": 0.0525}, 4.6
)
_LEFTWARD = _Constellation(
    align.PROFILE, {"eye": 0.001, "brow": 0.002, "nose": 0.0168, "lips": 0.0039, "ear": 0.0142, "eye_g": 0.01}, 4.1
)
_RIGHTWARD = replace(_LEFTWARD, places={part.replace("r_", "l_"): (1 - x, y) for part, (x, y) in align.PROFILE.items()})
_PROFILES = (_LEFTWARD, _RIGHTWARD)


@dataclass(frozen=True)
class Detection:
    """A face found by its parts.

    Attributes:
        transform: (2, 3) float64, from picture pixels to fractions of the canonical crop.
        score: 0 to 1; 1 when every part is there, in its place, beyond doubt.
    """

    transform: NDArray[np.float64]
    score: float

    @property
    def centre(self) -> NDArray[np.float64]:
        """x, y of the middle of the face in the picture, pixels."""
        return align.apply(align.invert(self.transform), np.array([MIDDLE]))[0]

    @property
    def side(self) -> float:
        """Side of the canonical crop in the picture, pixels."""
        return float(1 / np.sqrt(abs(np.linalg.det(self.transform[:, :2]))))


@dataclass(frozen=True)
class _Part:
    """A connected region of one kind: x, y of its centroid, its area and mean probability."""

    kind: str
    x: float
    y: float
    area: float
    probability: float


def detect(probabilities: NDArray[np.float32], labels: NDArray[np.uint8] | None = None) -> list[Detection]:
    """Find the faces in a coarse parse.

    Args:
        probabilities: (19, h, w) float32.
        labels: The most probable class of each pixel (h, w), if that is known already.

    Returns:
        Faces, best first; the picture of their transforms is the parse itself.
    """
    labels = label(probabilities) if labels is None else labels
    found = [part for kind in _KINDS for part in _find_parts(kind, labels, probabilities)]
    found = sorted(found, key=lambda part: -part.area)[:_MOST_PARTS]
    faces = []
    while (best := _best_group(found)) is not None:
        used = {id(part) for part in best.parts}
        found = [part for part in found if id(part) not in used]
        skin_share = _inside(best.transform, probabilities)
        if skin_share >= _LEAST_SKIN:
            score = min(1.0, best.support / best.constellation.full_support) * min(1.0, skin_share)
            faces.append(Detection(best.transform, float(score)))
    return suppress(faces)


def suppress(faces: Sequence[Detection]) -> list[Detection]:
    """Drop every face whose middle lies in the middle of a better one; best first."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_apart(face, other) for other in kept):
            kept.append(face)
    return kept


def _apart(face: Detection, other: Detection) -> bool:
    return float(np.linalg.norm(face.centre - other.centre)) > 0.25 * max(face.side, other.side)


def _find_parts(kind: str, labels: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> list[_Part]:
    members = classes.indices(*_KINDS[kind])
    mask = select(labels, members)
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return []
    rows, columns = slice(top, top + height), slice(left, left + width)
    count, regions, stats, centroids = cv2.connectedComponentsWithStats(mask[rows, columns], connectivity=8)
    sure = np.bincount(regions.ravel(), total(probabilities[:, rows, columns], members).ravel(), count)
    return [
        _Part(kind, float(x + left), float(y + top), float(area), float(sure[i] / area))
        for i, (area, (x, y)) in enumerate(zip(stats[:, cv2.CC_STAT_AREA], centroids, strict=True))
        if i > 0 and area >= _SMALLEST_PART
    ]


@dataclass(frozen=True, eq=False)
class _Group:
    """Parts that fit together, how well they do, and the transform from the parse to crop fractions."""

    support: float
    transform: NDArray[np.float64]
    parts: list[_Part]
    constellation: _Constellation


def _best_group(parts: Sequence[_Part]) -> _Group | None:
    """The best supported group of all constellations."""
    front = _find_group(parts, _FRONT)
    if front and front.support > _SURELY_FRONT:
        return front
    groups = [group for each in _PROFILES if (group := _find_group(parts, each))] + ([front] if front else [])
    return max(groups, key=lambda group: group.support, default=None)


def _find_group(parts: Sequence[_Part], constellation: _Constellation) -> _Group | None:
    """The best supported group of one constellation."""
    parts = [part for part in parts if part.kind in constellation.areas]
    if len(parts) < 3:
        return None
    proposals = _propose(parts, constellation)
    if not proposals.size:
        return None
    support = np.concatenate(
        [_support(chunk, parts, constellation)[0] for chunk in np.array_split(proposals, len(proposals) // 2000 + 1)]
    )
    group: dict[str, _Part] = {}
    transform = proposals[int(support.argmax())]
    for _ in range(2):
        _, chosen = _support(transform[None], parts, constellation)
        group = {slot: parts[i] for slot, i in zip(constellation.places, chosen[0], strict=True) if i >= 0}
        if len(group) < 2:
            return None
        transform = align.align({slot: (part.x, part.y) for slot, part in group.items()}, constellation.places)
    score = float(_support(transform[None], parts, constellation)[0][0])
    if score < _LEAST_SUPPORT or len({part.kind for part in group.values()}) < 2 or len(group) < 3:
        return None
    return _Group(score, transform, list(group.values()), constellation)


def _propose(parts: Sequence[_Part], constellation: _Constellation) -> NDArray[np.float64]:
    """Transforms (N, 2, 3) proposed by pairs of parts whose distance suits their sizes."""
    proposals = []
    kinds = np.array([part.kind for part in parts])
    sides = np.sqrt([part.area / constellation.areas[part.kind] for part in parts])
    position = np.array([complex(part.x, part.y) for part in parts])
    for (first, place_a), (second, place_b) in combinations(constellation.places.items(), 2):
        a = np.flatnonzero(kinds == align.kind(first))
        b = np.flatnonzero(kinds == align.kind(second))
        if not a.size or not b.size:
            continue
        a, b = (grid.ravel() for grid in np.meshgrid(a, b))
        goal_a, goal_b = complex(*place_a), complex(*place_b)
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = (goal_b - goal_a) / (position[b] - position[a])
            side = 1 / abs(turn)
            fits = np.isfinite(turn)
            for sizes in (sides[a], sides[b]):
                fits &= (side < sizes * _SCALE_TOLERANCE) & (sizes < side * _SCALE_TOLERANCE)
        turn, a = turn[fits], a[fits]
        shift = goal_a - turn * position[a]
        rows = [(turn.real, -turn.imag, shift.real), (turn.imag, turn.real, shift.imag)]
        proposals.append(np.array(rows).transpose(2, 0, 1))
    return np.concatenate(proposals) if proposals else np.empty((0, 2, 3))


def _support(
    transforms: NDArray[np.float64], parts: Sequence[_Part], constellation: _Constellation
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How well the parts agree with each transform (N,), and the part chosen for each slot (N, K), -1 for none."""
    points = np.array([(part.x, part.y) for part in parts])
    areas = np.array([part.area / constellation.areas[part.kind] for part in parts])
    sure = np.array([part.probability for part in parts])
    kinds = np.array([part.kind for part in parts])
    placed = np.einsum("nij,pj->npi", transforms[:, :, :2], points) + transforms[:, None, :, 2]
    size = np.sqrt(areas * abs(np.linalg.det(transforms[:, :, :2]))[:, None])
    size_fits = (size < _SCALE_TOLERANCE) & (size > 1 / _SCALE_TOLERANCE)
    total = np.zeros(len(transforms))
    chosen = np.full((len(transforms), len(constellation.places)), -1)
    for column, (slot, place) in enumerate(constellation.places.items()):
        distance = np.linalg.norm(placed - place, axis=2) / _TOLERANCE
        value = np.exp(-(distance**2)) * sure * _WEIGHTS[align.kind(slot)]
        value[(distance > 1) | ~size_fits | (kinds != align.kind(slot))] = 0
        best = value.argmax(1)
        gain = np.take_along_axis(value, best[:, None], 1)[:, 0]
        total += gain
        chosen[:, column] = np.where(gain > 0, best, -1)
    return total, chosen


def _inside(transform: NDArray[np.float64], probabilities: NDArray[np.float32]) -> float:
    """Mean probability of face classes in the middle of the face that a transform proposes."""
    grid_x, grid_y = np.meshgrid(np.linspace(0.36, 0.64, 9), np.linspace(0.44, 0.8, 9))
    points = align.apply(align.invert(transform), np.column_stack([grid_x.ravel(), grid_y.ravel()]))
    columns, rows = np.rint(points).astype(int).T
    height, width = probabilities.shape[1:]
    within = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    there = probabilities[:, rows[within], columns[within]][_FACE]
    return float(there.sum(0).mean()) if within.any() else 0.0
