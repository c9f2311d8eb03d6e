"""The finder: where the faces of a picture are, each with a score, a box and five points.

One small network looks at the whole picture, reduced; where that shows small faces, or nobody, at a finer one; and at
last at each face turned upright, at the scale that suits it best. It is a single-shot, anchor-free detector (Tian et
al., ICCV 2019) on grids of 8, 16 and 32 pixels; ``facelm.training.finder_net`` has its layers, ``recipes/finder.py``
trains it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facelm.engines.openvino import (
    Network,
    describe_processor,
    find_ways,
    keep_output,
    read,
    read_metadata,
    take_pixels,
)
from facelm.engines.ways import HALF, pick_way
from facelm.engines.weights import fingerprint
from facelm.finding.grids import STRIDE, Sightings, decode, measure_sides, suppress
from facelm.pictures import affine
from facelm.pictures.crops import FIVE_PLACES, MIDDLE, align_points, cut_crop, to_crop_pixels, warp

CALIBRATION_KEY = "facelm.calibration"
"""Of the three numbers that make a probability of two looks' logits, in the metadata of the network's file."""

OUTPUT_NAMES = ("faces", "hands")
"""What the network says of each place, by what is looked for."""

MIN_SCORE = 0.5
"""Probability from which on a place is told as a face."""

_COARSE, _FINE = 320, 1280  # longer side of a picture in the first and the second look, pixels
_WORTH_A_LOOK = 1.3
_TILE, _OVERLAP = 1280, 160
_SMALLEST = 11.0  # height of a face, brows to chin, that is sure to be seen, pixels
_USUAL_LEAST, _SLACK = 16.0, 0.9  # the same of a face that is told unasked, and how much less passes for it
_HEIGHT = 0.86  # of a face, brows to chin, in sides of its box
_LARGE = 48.0  # side of a face beside which no smaller ones are looked for, pixels of the coarse look
_GREATEST = 400.0  # side of a face in a fine look, pixels; larger ones are found in the coarse one
_LEAST = 0.05  # score of what is looked at once more
_HINT, _SURE = 0.1, 0.4  # scores of what makes a finer look pay, and of what makes it needless
_CROP, _BATCH = 128, 32
_OFF_CENTRE = 0.15
_BOX_ROOM = 1.0
_TRIAL = np.zeros((1, _COARSE, _COARSE, 3), np.uint8)
_LOADING = threading.Lock()


@dataclass(frozen=True, eq=False)
class Detection:
    """A face that was found.

    Attributes:
        box: x0, y0, x1, y1 from forehead to chin in the picture, pixels.
        points: (5, 2) float64 x, y in the picture: the subject's right and left eye, tip of the nose, right and left
            corner of the mouth; guessed where they are hidden.
        score: The probability that it is a human face.
    """

    box: tuple[float, float, float, float]
    points: NDArray[np.float64]
    score: float

    @property
    def side(self) -> float:
        """Geometric mean of the box's width and height, pixels."""
        return float(measure_sides(np.array([self.box]))[0])


class Finder:
    """Finds the faces of a picture, with the network that ships; several threads may use one.

    Args:
        threads: How many will call it at once.
        what: One of `OUTPUT_NAMES`; of hands `search` is all that it does.
    """

    def __init__(self, threads: int = 1, what: str = OUTPUT_NAMES[0]) -> None:
        with _LOADING:
            self._network, self._calibration = _load(threads, what)

    def find(
        self, rgb: NDArray[np.uint8], min_face: float | None = None, min_score: float = MIN_SCORE
    ) -> list[Detection]:
        """Find all faces.

        Args:
            rgb: (H, W, 3) uint8.
            min_face: Height of the smallest faces to look for, brows to chin, pixels; by default a hundredth of the
                picture's longer side, or 16 pixels where that is more.
            min_score: Probability from which on a place is told as a face.

        Returns:
            Faces, surest first.
        """
        least = _SLACK * (min_face or _USUAL_LEAST) / _HEIGHT
        found = self._detect(rgb, self.search(rgb, min_face), min_score)
        return [each for each in found if each.side >= least]

    def search(self, rgb: NDArray[np.uint8], min_face: float | None = None) -> Sightings:
        """What looks like a face in the picture: a coarse look, and a finer one where that can pay."""
        longer = max(rgb.shape[:2])
        fine = longer * _SMALLEST / min_face if min_face else float(min(longer, _FINE))
        coarse = _COARSE if fine > _COARSE * _WORTH_A_LOOK else fine
        seen = self._look(rgb, coarse / longer)
        if fine > coarse and (min_face or _may_hide_more(seen, coarse / longer)):
            seen = suppress(Sightings.join([seen, *self._look_closely(rgb, fine / longer)]))
        if not (seen.scores > _SURE).any():
            # Faces that fill the picture, or are blurred, are sometimes seen in a coarser look alone.
            seen = suppress(Sightings.join([seen, self._look(rgb, _COARSE / 2 / longer)]))
        return seen

    def look_again(self, rgb: NDArray[np.uint8], seen: Sightings) -> Sightings:
        """Look at each face turned upright and at one scale: its points become finer, its score is a second opinion."""
        if not len(seen):
            return seen
        transforms = [align_points(points) for points in seen.points]
        places = []
        for start in range(0, len(seen), _BATCH):
            some = transforms[start : start + _BATCH]
            raw = self._network(np.stack([cut_crop(rgb, transform, _CROP) for transform in some]))[0]
            places += [_find_middle(each, transform) for each, transform in zip(raw, some, strict=True)]
        return Sightings.join(places)

    def find_in_box(self, rgb: NDArray[np.uint8], box: tuple[float, float, float, float]) -> Detection:
        """Find the face that another detector found.

        Args:
            rgb: (H, W, 3) uint8.
            box: x0, y0, x1, y1 of the face, pixels, with or without its forehead.

        Returns:
            The face; where none is seen, one that stands upright in the box, with a score of 0.
        """
        x0, y0, x1, y1 = box
        centre, side = np.array([x0 + x1, y0 + y1]) / 2, max(x1 - x0, y1 - y0) * (1 + 2 * _BOX_ROOM)
        whole = np.column_stack([np.eye(2) / side, 0.5 - centre / side])
        crop = cut_crop(rgb, whole, _COARSE)
        seen = self._look(crop, 1.0)
        seen = seen.moved(affine.invert(to_crop_pixels(whole, _COARSE)))
        middles = (seen.boxes[:, :2] + seen.boxes[:, 2:]) / 2
        inside = np.flatnonzero(((middles > (x0, y0)) & (middles < (x1, y1))).all(1))
        found = self._detect(rgb, seen[inside], 0)
        if found:
            return found[0]
        size = np.sqrt((x1 - x0) * (y1 - y0))
        places = np.array(FIVE_PLACES) - MIDDLE
        return Detection(box, centre + places * 2 * size, 0.0)

    def _look(self, rgb: NDArray[np.uint8], scale: float) -> Sightings:
        """What is seen in a picture that is scaled: boxes and points in pixels of the picture."""
        height, width = (-(-max(1, round(side * scale)) // STRIDE) * STRIDE for side in rgb.shape[:2])
        to_look = affine.scaling((1 / scale, 1 / scale))
        seen = suppress(decode(self._network(warp(rgb, to_look, (height, width))[None])[0][0], (height, width), _LEAST))
        return seen.moved(affine.invert(to_look))

    def _look_closely(self, rgb: NDArray[np.uint8], scale: float) -> list[Sightings]:
        """What is seen in the picture at a larger scale, tile by tile where it is large."""
        height, width = rgb.shape[:2]
        size, step = int(_TILE / scale), int((_TILE - _OVERLAP) / scale)
        tiles = []
        for top in range(0, max(1, height - size + step), step):
            for left in range(0, max(1, width - size + step), step):
                seen = self._look(rgb[top : top + size, left : left + size], scale)
                small = seen[seen.sides * scale < _GREATEST]
                tiles.append(small.moved(np.array([[1.0, 0, left], [0, 1, top]])))
        return tiles

    def _detect(self, rgb: NDArray[np.uint8], seen: Sightings, min_score: float) -> list[Detection]:
        """The faces among what was seen."""
        near = self.look_again(rgb, seen)
        first, second, constant = self._calibration
        logits = first * logit(seen.scores) + second * logit(near.scores) + constant
        near = suppress(Sightings(1 / (1 + np.exp(-logits)), near.boxes, near.points))
        found = zip(near.scores.tolist(), near.boxes.tolist(), near.points, strict=True)
        return [Detection(tuple(box), points, score) for score, box, points in found if score >= min_score]


def _find_middle(raw: NDArray[np.float32], transform: NDArray[np.float64]) -> Sightings:
    """The face in the middle of the crop that a transform cuts out, in pixels of the picture."""
    seen = decode(raw, (_CROP, _CROP), 0)
    middles = (seen.boxes[:, :2] + seen.boxes[:, 2:] + 1) / (2 * _CROP)
    away = np.linalg.norm(middles - MIDDLE, axis=1) > _OFF_CENTRE
    best = int(np.where(away, -1, seen.scores).argmax())
    return seen[[best]].moved(affine.invert(to_crop_pixels(transform, _CROP)))


def _may_hide_more(seen: Sightings, scale: float) -> bool:
    """Whether a finer look can pay: nobody is surely seen, or something small is."""
    return not (seen.scores > _SURE).any() or bool((seen.sides[seen.scores > _HINT] * scale < _LARGE).any())


def logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the odds of probabilities, which are kept from being certain."""
    clipped = scores.clip(1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


def _load(threads: int, what: str) -> tuple[Network, tuple[float, float, float]]:
    """The network on the CPU (it is too small to be worth a GPU), and what makes probabilities of its logits."""
    path = Path(__file__).with_name("finder.onnx")

    def prepare(way: str) -> Callable[[], object]:
        return partial(_compile(path, way, 1, what)[0], _TRIAL)

    return _compile(path, pick_way(describe_processor() + fingerprint(path), find_ways(), prepare), threads, what)


@cache
def _compile(path: Path, way: str, threads: int, what: str) -> tuple[Network, tuple[float, float, float]]:
    model = read(path)
    first, second, constant = json.loads(read_metadata(model, CALIBRATION_KEY))
    network = Network(take_pixels(keep_output(model, what)).build(), way != HALF, threads, keep=True)
    return network, (first, second, constant)
