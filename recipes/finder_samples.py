"""Training samples of the finder: pictures turned, scaled, put side by side, darkened, blurred and covered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from finder_data import Example
from numpy.typing import NDArray

from facelm.pictures import affine

MOST = 48  # faces in a sample
LEAST_SIDE = 8.0  # of a face that is to be found, pixels
_LARGEST_SHARE = 1.1
_GREATEST_SCALE = 2.5
_SEEN = 0.4
_FILLED = 0.7
_DECOYS = 0.25
_TURNED = 0.4  # share of hands in any position
_LEAST_ENLARGED = 5.0
_MIRROR = [1, 0, 2, 4, 3]
_MASK_COLOURS = (
    (235, 240, 245), (150, 190, 225), (120, 180, 200), (25, 25, 30), (70, 75, 90), (200, 120, 130), (90, 140, 110)
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A picture to learn from.

    Attributes:
        rgb: (S, S, 3) uint8.
        boxes: (N, 4) float32 x0, y0, x1, y1.
        points: (N, 5, 2) float32, NaN where not known.
        unsure: (N,) bool, neither face nor background.
        known: (K, 4) rectangles in which unlabelled places are background.
    """

    rgb: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    unsure: NDArray[np.bool_]
    known: NDArray[np.float32]


class SampleMaker:
    """Makes samples out of examples.

    Args:
        groups: Examples of each kind, and the share of samples that are made from each.
        places: Examples without people, to be seen around the others.
        size: Side of a sample, pixels.
        hands: It is hands that are to be found, in any position.
    """

    def __init__(
        self,
        groups: Sequence[tuple[Sequence[Example], float]],
        places: Sequence[Example],
        size: int,
        hands: bool = False,
    ) -> None:
        self.places, self.hands = places, hands
        self.groups = [examples for examples, _ in groups]
        self.chances = [_chances(examples) for examples in self.groups]
        shares = np.array([share for _, share in groups])
        self.shares = shares / shares.sum()
        self.size = size

    def make(self, seed: tuple[int, ...]) -> Sample:
        """The sample of a seed."""
        rng = np.random.default_rng(seed)
        tiles = self._arrange(rng)
        parts = [(tile, self._render(rng, *tile)) for tile in tiles]
        rgb = np.zeros((self.size, self.size, 3), np.uint8)
        boxes, points, unsure, known = [], [], [], []
        for (top, left, height, width), part in parts:
            rgb[top : top + height, left : left + width] = part.rgb
            boxes.append(part.boxes + np.float32([left, top, left, top]))
            points.append(part.points + np.float32([left, top]))
            unsure.append(part.unsure)
            known.append(np.clip(part.known, 0, [width, height, width, height]) + np.float32([left, top, left, top]))
        sample = Sample(
            rgb, np.concatenate(boxes), np.concatenate(points), np.concatenate(unsure), np.concatenate(known)
        )
        if len(sample.boxes) > MOST:
            sample = Sample(rgb, sample.boxes[:MOST], sample.points[:MOST], sample.unsure[:MOST], sample.known[:0])
        if not self.hands:
            rgb = _cover(rng, sample)
        return Sample(_degrade(rng, rgb), sample.boxes, sample.points, sample.unsure, sample.known)

    def _arrange(self, rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
        """Top, left, height and width of the pictures that make up a sample."""
        size = self.size
        if (kind := rng.random()) < 0.62:
            return [(0, 0, size, size)]
        if kind < 0.9:
            y, x = (int(size * rng.uniform(0.3, 0.7)) for _ in range(2))
            return [(0, 0, y, x), (0, x, y, size - x), (y, 0, size - y, x), (y, x, size - y, size - x)]
        count = int(rng.integers(3, 6))
        edges = np.linspace(0, size, count + 1).astype(int)
        return [
            (top, left, bottom - top, right - left)
            for top, bottom in pairwise(edges)
            for left, right in pairwise(edges)
        ]

    def _render(self, rng: np.random.Generator, top: int, left: int, height: int, width: int) -> Sample:
        kind = rng.choice(len(self.groups), p=self.shares)
        example = self.groups[kind][rng.choice(len(self.groups[kind]), p=self.chances[kind])]
        frame = np.array([width, height], float)
        boxes = example.boxes
        if len(example.decoys) and (not len(boxes) or rng.random() < _DECOYS):
            boxes, weights = example.decoys, np.ones(len(example.decoys))
        else:
            weights = np.where(example.unsure, 0.0, np.ones(len(boxes)) if example.weights is None else example.weights)
        sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], 1))
        weights = weights * (sides > _LEAST_ENLARGED)
        shape = np.array(example.rgb.shape[1::-1], float)
        if weights.sum() > 0:
            chosen = rng.choice(len(boxes), p=weights / weights.sum())
            largest = _LARGEST_SHARE * frame.min()
            side = np.exp(rng.uniform(np.log(LEAST_SIDE + 1), np.log(max(largest, 12))))
            scale = side / sides[chosen]
            if height == self.size and rng.random() < 0.7:
                scale = max(scale, _FILLED * self.size / shape.max())
            scale = min(scale, _GREATEST_SCALE)
            centre = (boxes[chosen, :2] + boxes[chosen, 2:]) / 2
            # The face lies anywhere in the frame; now and then its edge cuts the face.
            half = 0.5 * scale * sides[chosen] * (1 if rng.random() < 0.85 else rng.uniform(0, 1))
            low, high = np.minimum(half, frame / 2), np.maximum(frame - half, frame / 2)
            goal = rng.uniform(low, high)
        else:
            scale = min(frame.min() / shape.min() * np.exp(rng.uniform(-0.3, 1.2)), _GREATEST_SCALE)
            centre = rng.uniform(0.2, 0.8, 2) * shape
            goal = frame / 2
        angle = rng.uniform(-180, 180) if self.hands and rng.random() < _TURNED else _draw_angle(rng)
        mirror = rng.random() < 0.5
        stretch = np.exp(rng.normal(0, 0.05))
        behind = self._fill_frame(rng, height, width)
        sample = render(example, centre, goal, scale, angle, mirror, stretch, behind)
        if mirror and not self.hands:
            return replace(sample, points=sample.points[:, _MIRROR])
        return sample

    def _fill_frame(self, rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
        """What lies around a picture that does not fill its frame: a place without people, or one colour."""
        if rng.random() < 0.25:
            return np.full((height, width, 3), rng.choice([0, 118, 255]), np.uint8)
        rgb = self.places[rng.integers(len(self.places))].rgb
        side = int(min(rgb.shape[:2]) * rng.uniform(0.5, 1))
        y, x = (int(rng.integers(0, length - side + 1)) for length in rgb.shape[:2])
        return cv2.resize(rgb[y : y + side, x : x + side], (width, height), interpolation=cv2.INTER_AREA)


def _chances(examples: Sequence[Example]) -> NDArray[np.float64]:
    """How often each example is to be seen: those that something was wrong with more often."""
    found = [
        1.0 + 0.5 * len(each.decoys) + (0.0 if each.weights is None else float((each.weights - 1).sum()))
        for each in examples
    ]
    return np.array(found) / np.sum(found)


def _draw_angle(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.7:
        return rng.normal(0, 10)
    return rng.uniform(-60, 60) if kind < 0.88 else rng.uniform(-180, 180)


def render(
    example: Example,
    centre: NDArray[np.float64],
    goal: NDArray[np.float64],
    scale: float,
    angle: float,
    mirror: bool,
    stretch: float,
    behind: NDArray[np.uint8],
) -> Sample:
    """An example turned about a centre, scaled and shifted into a frame that shows something else around it.

    Mirrored, its points keep their order.
    """
    frame = behind.shape[:2]
    rgb = example.rgb
    if scale < 0.7:
        shrink = max(scale * 1.2, 2 / min(rgb.shape[:2]))
        small = (max(1, round(rgb.shape[1] * shrink)), max(1, round(rgb.shape[0] * shrink)))
        rgb = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA)
    turn = np.deg2rad(angle)
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = scale * np.array([[cos, -sin], [sin, cos]]) @ np.diag([(-1 if mirror else 1) * stretch, 1 / stretch])
    whole = np.column_stack([matrix, goal - matrix @ centre])
    stretched = np.array(example.rgb.shape[1::-1]) / rgb.shape[1::-1]
    warp = affine.compose(whole, affine.invert(affine.scaling(tuple(stretched))))
    out = behind.copy()
    cv2.warpAffine(rgb, warp, (frame[1], frame[0]), out, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    points = example.points @ matrix.T + whole[:, 2]
    middle = (example.boxes[:, :2] + example.boxes[:, 2:]) / 2 @ matrix.T + whole[:, 2]
    half = (example.boxes[:, 2:] - example.boxes[:, :2]) / 2
    reach = np.sqrt(half**2 @ (matrix**2).T)
    boxes = np.concatenate([middle - reach, middle + reach], 1).astype(np.float32)
    limits = np.float32([frame[1], frame[0], frame[1], frame[0]])
    cut = np.clip(boxes, 0, limits)
    seen = np.prod((cut[:, 2:] - cut[:, :2]).clip(0), 1) / np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], 1), 1e-6)
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], 1))
    there = seen > 0.05
    unsure = (example.unsure | (seen < _SEEN) | (sides < LEAST_SIDE))[there]
    known = np.array([0, 0, *frame[::-1]])
    if np.isfinite(example.known[0]):
        corners = np.array([[example.known[i], example.known[j]] for i in (0, 2) for j in (1, 3)])
        corners = corners @ matrix.T + whole[:, 2]
        known = np.concatenate([corners.min(0), corners.max(0)])
    return Sample(out, boxes[there], points[there].astype(np.float32), unsure, known[None].astype(np.float32))


def _cover(rng: np.random.Generator, sample: Sample) -> NDArray[np.uint8]:
    """Masks over mouths, dark glasses, and things before faces."""
    rgb = sample.rgb
    for box, five, unsure in zip(sample.boxes, sample.points, sample.unsure, strict=True):
        if unsure or (kind := rng.random()) > 0.16:
            continue
        size = float(np.sqrt(np.prod(box[2:] - box[:2])))
        if size < 14:
            continue
        if kind < 0.09 and np.isfinite(five).all():
            eyes, lips = five[:2].mean(0), five[3:].mean(0)
            down = lips - eyes
            across = (
                np.array([down[1], -down[0]])
                * np.sign(down[0] * (five[0] - eyes)[1] - down[1] * (five[0] - eyes)[0] or 1)
                * -1
            )
            bridge = five[2] - rng.uniform(-0.05, 0.25) * down
            outline = [
                bridge,
                eyes + 0.75 * down + 0.95 * across,
                lips + 0.2 * down + 0.8 * across,
                lips + 0.75 * down,
                lips + 0.2 * down - 0.8 * across,
                eyes + 0.75 * down - 0.95 * across,
            ]
            colour = np.array(_MASK_COLOURS[rng.integers(len(_MASK_COLOURS))]) * rng.uniform(0.6, 1.05)
            _fill(rgb, np.array(outline), colour, rng)
        elif kind < 0.11 and np.isfinite(five[:2]).all():
            thick = max(1, round(size * rng.uniform(0.12, 0.2)))
            reach = 0.35 * (five[1] - five[0])
            ends = [tuple(np.rint(p).astype(int).tolist()) for p in (five[0] - reach, five[1] + reach)]
            cv2.line(rgb, *ends, rng.integers(0, 60, 3).tolist(), thick)
        else:
            centre = box[:2] + rng.uniform(0, 1, 2) * (box[2:] - box[:2])
            half = size * rng.uniform(0.12, 0.3, 2)
            corners = centre + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ _rotation(rng.uniform(0, 3.2))
            _fill(rgb, corners, rng.integers(0, 256, 3), rng)
    return rgb


def _rotation(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _fill(rgb: NDArray[np.uint8], outline: NDArray[np.float64], colour: NDArray, rng: np.random.Generator) -> None:
    """A polygon of one colour under the light of what it covers."""
    there = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(there, [np.rint(outline).astype(np.int32)], 255)
    x, y, width, height = cv2.boundingRect(there)
    if width < 2 or height < 2:
        return
    part, mask = rgb[y : y + height, x : x + width], there[y : y + height, x : x + width] > 0
    light = cv2.blur(part, (max(3, width // 3), max(3, height // 3))).mean(2, keepdims=True) / 140
    cloth = np.clip(colour * (0.4 + 0.6 * np.clip(light, 0.2, 1.4)) + rng.normal(0, 4, (height, width, 1)), 0, 255)
    part[mask] = cloth[mask].astype(np.uint8)


def _degrade(rng: np.random.Generator, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Other light, other colours, blur, noise and compression."""
    if rng.random() < 0.12:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        rgb = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
        if rng.random() < 0.3:
            rgb = np.clip(rgb * np.array([1.05, 0.95, 0.78]), 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        level = np.arange(256) / 255
        curve = level ** np.exp(rng.normal(0, 0.3)) * np.exp(rng.normal(0, 0.25)) + rng.normal(0, 0.05)
        if rng.random() < 0.1:
            curve = curve * rng.uniform(0.12, 0.6)
        tints = 1 + rng.normal(0, 0.07, 3) * (rng.random() < 0.6)
        table = np.clip(255 * curve[:, None] * tints, 0, 255).astype(np.uint8)
        rgb = cv2.LUT(rgb, table[:, None, :])
    kind = rng.random()
    if kind < 0.12:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.5, 2.2))
    elif kind < 0.17:
        length = int(rng.integers(3, 10))
        kernel = cv2.warpAffine(
            np.eye(length, dtype=np.float32),
            cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1),
            (length, length),
        )
        rgb = cv2.filter2D(rgb, -1, kernel / max(kernel.sum(), 1e-3))
    elif kind < 0.25:
        small = round(rgb.shape[0] / rng.uniform(1.3, 3))
        rgb = cv2.resize(cv2.resize(rgb, (small, small), interpolation=cv2.INTER_AREA), rgb.shape[1::-1])
    if rng.random() < 0.15:
        noise = rng.integers(0, 256, rgb.shape, np.uint8)
        spread = rng.uniform(0.03, 0.16)
        rgb = cv2.addWeighted(rgb, 1, noise, spread, -127 * spread)
    if rng.random() < 0.2:
        _, coded = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 75))])
        rgb = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return rgb
