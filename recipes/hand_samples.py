"""Training samples of the hand network: hands cut out, turned, mirrored, recoloured, covered, and what is no hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.hands.points import FINGERS, PALM, SKELETON
from facelm.hands.reader import SIDE, align_hand
from facelm.pictures import affine, images
from facelm.pictures.crops import warp
from facelm.training import data

SHARES = {"real": 0.32, "ten": 0.18, "emrecan": 0.16, "subhih": 0.12, "linto": 0.08, "sign": 0.1, "massey": 0.04}
EMPTY_SHARE = 0.15
_SURE_SIDE = 0.3  # how far from a half the probability of a right hand is where its side is learned
_MEASURED = "measured"


@dataclass(frozen=True, eq=False)
class Hand:
    """A hand in a picture.

    Attributes:
        name: Of the picture.
        rgb: (H, W, 3) uint8, the picture.
        points: (21, 3) x, y, z, pixels.
        right: The probability that it is a right one, as it is seen; NaN where nobody knows.
        measured: Whether the points were measured, and not found by another network.
    """

    name: str
    rgb: NDArray[np.uint8]
    points: NDArray[np.float64]
    right: float
    measured: bool


@dataclass(frozen=True, eq=False)
class Sample:
    """A crop to learn from.

    Attributes:
        rgb: (SIDE, SIDE, 3) uint8.
        points: (21, 3) x, y, z, fractions of its side; NaN where there is no hand.
        right: As of `Hand`.
    """

    rgb: NDArray[np.uint8]
    points: NDArray[np.float64]
    right: float


def read_hands(folder: Path) -> list[Hand]:
    """The hands of a part of ``hands``, as ``recipes/split.py`` divides it."""
    hands = []
    for name, entry in json.loads((folder / "hands.json").read_text()).items():
        rgb = images.read(folder / "images" / name)
        for hand in entry["hands"]:
            points = np.array(hand["points"], float)
            hands.append(Hand(name, rgb, points, hand.get("right", np.nan), hand["source"] == _MEASURED))
    return hands


class SampleMaker:
    """Makes samples out of hands.

    Args:
        hands: The hands.
        places: Pictures without hands, or almost: to be seen instead of a hand, and behind some.
    """

    def __init__(self, hands: Sequence[Hand], places: Sequence[NDArray[np.uint8]]) -> None:
        self.hands, self.places = hands, places
        origins = [hand.name.partition("_")[0] for hand in hands]
        chances = np.array([SHARES[origin] / origins.count(origin) for origin in origins])
        self.chances = chances / chances.sum()

    def make(self, seed: tuple[int, ...]) -> Sample:
        """The sample of a seed."""
        rng = np.random.default_rng(seed)
        if rng.random() < EMPTY_SHARE:
            return self._make_empty(rng)
        hand = self.hands[rng.choice(len(self.hands), p=self.chances)]
        transform = affine.compose(_jitter(rng), align_hand(hand.points[:, :2]))
        rgb = cut(hand.rgb, transform)
        flat = affine.apply(transform, hand.points[:, :2])
        points = np.column_stack([flat, hand.points[:, 2] * np.sqrt(abs(np.linalg.det(transform[:, :2])))])
        if rng.random() < 0.35:
            rgb = self._change_behind(rgb, points, rng)
        rgb = self._cover(rgb, rng)
        right = hand.right if abs(hand.right - 0.5) > _SURE_SIDE else np.nan
        if rng.random() < 0.5:
            rgb = np.ascontiguousarray(rgb[:, ::-1])
            points = points * (-1, 1, 1) + (1, 0, 0)
            right = 1 - right
        return Sample(degrade(rgb, rng), points, right)

    def _make_empty(self, rng: np.random.Generator) -> Sample:
        return Sample(degrade(self._cut_place(rng), rng), np.full((21, 3), np.nan), np.nan)

    def _cut_place(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        rgb = self.places[rng.integers(len(self.places))]
        side = min(rgb.shape[:2]) * np.exp(rng.uniform(np.log(0.2), 0))
        middle = rng.uniform(side / 2, np.maximum(np.array(rgb.shape[1::-1]) - side / 2, side / 2 + 1e-6))
        whole = np.column_stack([np.eye(2) / side, 0.5 - middle / side])
        return cut(rgb, affine.compose(_turned(rng.uniform(-np.pi, np.pi), 1.0), whole))

    def _change_behind(
        self, rgb: NDArray[np.uint8], points: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Put a hand, roughly cut out along its bones, before something else."""
        near = outline(points[:, :2], rng.uniform(0.8, 1.3))
        alpha = cv2.GaussianBlur(near, (0, 0), rng.uniform(0.5, 3))[..., None]
        return (rgb * alpha + self._cut_place(rng) * (1 - alpha)).astype(np.uint8)

    def _cover(self, rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Things before a hand."""
        for _ in range(rng.choice(4, p=(0.65, 0.2, 0.1, 0.05))):
            there = np.zeros((SIDE, SIDE), np.uint8)
            centre, axes = rng.uniform(0.1, 0.9, 2) * SIDE, rng.uniform(0.03, 0.16, 2) * SIDE
            cv2.ellipse(
                there, (*map(int, centre),), (*map(int, axes + 1),), rng.uniform(0, 180), 0, 360, 1, -1, cv2.LINE_AA
            )
            colour = self._cut_place(rng) if rng.random() < 0.5 else np.full_like(rgb, rng.integers(0, 256, 3))
            rgb = np.where(there[..., None] > 0, colour, rgb)
        return rgb


def cut(rgb: NDArray[np.uint8], transform: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The crop of a transform to fractions of it."""
    matrix = transform * SIDE
    matrix[:, 2] -= 0.5
    return warp(rgb, matrix, (SIDE, SIDE))


def outline(points: NDArray[np.float64], width: float) -> NDArray[np.float32]:
    """Where a hand is, by its bones: (SIDE, SIDE) float32, 0 or 1.

    Args:
        points: (21, 2) fractions of the crop.
        width: Of the fingers, in usual ones.
    """
    at = np.rint(points * SIDE * 8).astype(int)
    palm = float(np.linalg.norm(points[9] - points[0]) + np.linalg.norm(points[17] - points[5])) / 2 * SIDE
    thick = max(2, round(0.3 * width * palm))
    there = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(there, [at[[0, 1, *PALM[1:]]]], 1, shift=3)
    for first, second in SKELETON:
        cv2.line(there, (*at[first].tolist(),), (*at[second].tolist(),), 1, thick, shift=3)
    for finger in FINGERS.values():
        cv2.circle(there, (*at[finger[-1]].tolist(),), thick * 4, 1, -1, shift=3)
    return there.astype(np.float32)


def _jitter(rng: np.random.Generator) -> NDArray[np.float64]:
    """Cut as if the hand had been found less well."""
    angle = rng.normal(0, 0.35) if rng.random() < 0.85 else rng.uniform(-np.pi, np.pi)
    moved = _turned(angle, float(np.exp(rng.normal(0, 0.18))))
    moved[:, 2] += rng.normal(0, 0.07, 2)
    return moved


def _turned(angle: float, scale: float) -> NDArray[np.float64]:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, 0.5 - turn @ (0.5, 0.5)])


def degrade(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Other light, other skin, blur, noise and compression."""
    levels = np.arange(256) / 255
    curves = []
    common, light = np.exp(rng.normal(0, 0.3)), np.exp(rng.normal(-0.05, 0.2))
    for _ in range(3):
        own = rng.normal(0, 0.1) if rng.random() < 0.7 else 0.0
        curves.append(255 * np.clip(light * (1 + own) * levels ** (common * (1 - own)) + rng.normal(0, 0.02), 0, 1))
    rgb = cv2.LUT(rgb, np.stack(curves, 1).astype(np.uint8)[:, None])
    if rng.random() < 0.1:
        rgb = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    elif rng.random() < 0.15:
        hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + rng.integers(180)) % 180  # gloves, and coloured light
        rgb = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    kind = rng.random()
    if kind < 0.15:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.5, 2.0))
    elif kind < 0.3:
        small = round(SIDE / rng.uniform(1.5, 4))
        rgb = cv2.resize(cv2.resize(rgb, (small, small), interpolation=cv2.INTER_AREA), (SIDE, SIDE))
    elif kind < 0.4:
        length = int(rng.integers(3, 9))
        turned = cv2.getRotationMatrix2D(((length - 1) / 2,) * 2, rng.uniform(0, 180), 1)
        kernel = cv2.warpAffine(np.eye(length, dtype=np.float32), turned, (length, length))
        rgb = cv2.filter2D(rgb, -1, kernel / max(float(kernel.sum()), 1e-3))
    if rng.random() < 0.2:
        rgb = np.clip(rgb + rng.normal(0, rng.uniform(2, 14), rgb.shape), 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        _, coded = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))])
        rgb = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return np.asarray(rgb, np.uint8)


def read_places(split: Path, portraits: int) -> list[NDArray[np.uint8]]:
    """Pictures without people, and faces, which are no hands either."""
    paths = data.find_pictures(split / "backgrounds/train")
    paths += data.find_pictures(split / "celebamask_more/train/images")[:portraits]
    return [images.read(path) for path in paths]
