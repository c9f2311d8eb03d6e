"""Detection: from the coarse parse of a whole picture to faces, as groups of parts that fit together.

Eyes, brows, noses, ears and mouths are connected regions of the coarse mask. Any two of them propose where a face
would be; the proposal that most other parts agree with wins, takes its parts, and the rest go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import label, select, total
from facelm.finding.constellation import FRONT, KINDS, PROFILES, Constellation, Part, Seats
from facelm.pictures import affine
from facelm.pictures.crops import MIDDLE, align

_FACE = classes.indices(*classes.FACE)
_SMALLEST_PART = 3
_MOST_PARTS = 400
_LEAST_SUPPORT = 1.7
_SURELY_FRONT = 3.7  # support that a profile never has where the front has it
_LEAST_SKIN = 0.45
_OFF_CENTRE = 0.2
_CHUNK = 2000  # proposals that are weighed at once


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
        return affine.apply(affine.invert(self.transform), np.array([MIDDLE]))[0]

    @property
    def side(self) -> float:
        """Side of the canonical crop in the picture, pixels."""
        return float(1 / np.sqrt(abs(np.linalg.det(self.transform[:, :2]))))


def detect(probabilities: NDArray[np.float32]) -> list[Detection]:
    """Find the faces in a coarse parse.

    Args:
        probabilities: (19, h, w) float32.

    Returns:
        Faces, best first; the picture of their transforms is the parse itself.
    """
    return _gather(_find_all(label(probabilities), probabilities), probabilities)


def _find_all(labels: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> list[Part]:
    return [part for kind in KINDS for part in _find_parts(kind, labels, probabilities)]


def _gather(found: Sequence[Part], probabilities: NDArray[np.float32]) -> list[Detection]:
    """The faces that parts make up, best first."""
    found = sorted(found, key=lambda part: -part.area)[:_MOST_PARTS]
    faces = []
    while (best := _best_group(found)) is not None:
        used = {id(part) for part in best.parts}
        found = [part for part in found if id(part) not in used]
        faces += _confirm(best, probabilities)
    return suppress(faces)


def detect_middle(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> list[Detection]:
    """Find the face in the middle of a crop that was cut out for it.

    A face that looks out of the crop with all its parts in their places is not searched for.

    Args:
        probabilities: (19, S, S) float32 of the crop.
        labels: The most probable class of each pixel (S, S).

    Returns:
        As `detect` does, but only faces in the middle.
    """
    size = len(labels)
    found = _find_all(labels, probabilities)
    frontal = [part for part in found if part.kind in FRONT.areas]
    if len(frontal) > 2:
        group = _settle(Seats(frontal, FRONT), np.array([[1, 0, 0.5], [0, 1, 0.5]]) / size)
        if group and group.support > _SURELY_FRONT and (faces := _confirm(group, probabilities)):
            return faces
    faces = _gather(found, probabilities)
    return [face for face in faces if np.linalg.norm((face.centre + 0.5) / size - MIDDLE) < _OFF_CENTRE]


def _confirm(group: _Group, probabilities: NDArray[np.float32]) -> list[Detection]:
    """The face of a group, if there is skin where it would have it."""
    skin_share = _inside(group.transform, probabilities)
    if skin_share < _LEAST_SKIN:
        return []
    score = min(1.0, group.support / group.constellation.full_support) * min(1.0, skin_share)
    return [Detection(group.transform, float(score))]


def suppress(faces: Sequence[Detection]) -> list[Detection]:
    """Drop every face whose middle lies in the middle of a better one; best first."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_apart(face, other) for other in kept):
            kept.append(face)
    return kept


def _apart(face: Detection, other: Detection) -> bool:
    return float(np.linalg.norm(face.centre - other.centre)) > 0.25 * max(face.side, other.side)


def _find_parts(kind: str, labels: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> list[Part]:
    members = classes.indices(*KINDS[kind])
    mask = select(labels, members)
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return []
    rows, columns = slice(top, top + height), slice(left, left + width)
    count, regions, stats, centroids = cv2.connectedComponentsWithStats(mask[rows, columns], connectivity=8)
    sure = np.bincount(regions.ravel(), total(probabilities[:, rows, columns], members).ravel(), count)
    return [
        Part(kind, float(x + left), float(y + top), float(area), float(sure[i] / area))
        for i, (area, (x, y)) in enumerate(zip(stats[:, cv2.CC_STAT_AREA], centroids, strict=True))
        if i > 0 and area >= _SMALLEST_PART
    ]


@dataclass(frozen=True, eq=False)
class _Group:
    """Parts that fit together, how well they do, and the transform from the parse to crop fractions."""

    support: float
    transform: NDArray[np.float64]
    parts: list[Part]
    constellation: Constellation


def _best_group(parts: Sequence[Part]) -> _Group | None:
    """The best supported group of all constellations."""
    front = _find_group(parts, FRONT)
    if front and front.support > _SURELY_FRONT:
        return front
    groups = [group for each in PROFILES if (group := _find_group(parts, each))] + ([front] if front else [])
    return max(groups, key=lambda group: group.support, default=None)


def _find_group(parts: Sequence[Part], constellation: Constellation) -> _Group | None:
    """The best supported group of one constellation."""
    parts = [part for part in parts if part.kind in constellation.areas]
    if len(parts) < 3:
        return None
    seats = Seats(parts, constellation)
    proposals = seats.propose()
    if not len(proposals):
        return None
    chunks = np.array_split(proposals, len(proposals) // _CHUNK + 1)
    support = np.concatenate([seats.values(chunk).sum(1) for chunk in chunks])
    return _settle(seats, proposals[int(support.argmax())])


def _settle(seats: Seats, transform: NDArray[np.float64]) -> _Group | None:
    """The group that gathers about a transform; None if too little supports it."""
    group: dict[str, Part] = {}
    for _ in range(2):
        group = seats.choose(transform)
        if len(group) < 2:
            return None
        transform = align({slot: (part.x, part.y) for slot, part in group.items()}, seats.constellation.places)
    support = float(seats.values(transform[None]).sum())
    if support < _LEAST_SUPPORT or len({part.kind for part in group.values()}) < 2 or len(group) < 3:
        return None
    return _Group(support, transform, list(group.values()), seats.constellation)


def _inside(transform: NDArray[np.float64], probabilities: NDArray[np.float32]) -> float:
    """Mean probability of face classes in the middle of the face that a transform proposes."""
    grid_x, grid_y = np.meshgrid(np.linspace(0.36, 0.64, 9), np.linspace(0.44, 0.8, 9))
    points = affine.apply(affine.invert(transform), np.column_stack([grid_x.ravel(), grid_y.ravel()]))
    columns, rows = np.rint(points).astype(int).T
    height, width = probabilities.shape[1:]
    within = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    there = probabilities[:, rows[within], columns[within]][_FACE]
    return float(there.sum(0).mean()) if within.any() else 0.0
