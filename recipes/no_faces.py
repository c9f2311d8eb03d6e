"""Cuts crops in which nobody is, for parsers that would see eyes and mouths wherever they are asked to look.

    python recipes/no_faces.py SPLIT OUT

SPLIT is what ``recipes/split.py`` wrote. OUT gets ``images/`` and ``masks/`` for ``facelm train``: what the finder
takes for a face in photographs without people, other parts of these, and clothes and hair of CelebAMask-HQ as they are
labelled.
"""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.finding.finder import Finder
from facelm.pictures import images
from facelm.pictures.crops import align_points, cut_crop

SIDE, PLACES, CLOTHES = 384, 480, 420
HINT = 0.05  # score from which something looks like a face
FACE = classes.indices(*classes.FACE, "l_ear", "r_ear")

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def cut_places(split: Path, rng: np.random.Generator) -> Iterator[Pair]:
    """Crops of photographs without people, all of them background."""
    photos = split / "photos/train"
    known = json.loads((photos / "faces.json").read_text())
    empty = [name for name, each in known.items() if each["complete"] and not each["boxes_xyxy"] + each["unsure_xyxy"]]
    paths = [*sorted((split / "backgrounds/train").glob("*.jpg")), *(photos / "images" / name for name in empty)]
    finder, nobody = Finder(), np.zeros((SIDE, SIDE), np.uint8)
    for at in rng.permutation(len(paths)):
        rgb = images.read(paths[at])
        for detection in finder.find(rgb, min_score=HINT)[:2]:
            yield cut_crop(rgb, align_points(detection.points), SIDE), nobody
        if rng.random() < 0.4:
            rows, columns = _square(rgb.shape, int(min(rgb.shape[:2]) * rng.uniform(0.15, 0.9)), rng)
            yield cv2.resize(rgb[rows, columns], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), nobody


def cut_clothes(split: Path, rng: np.random.Generator) -> Iterator[Pair]:
    """Crops of portraits, without their faces, mostly of clothes and hair."""
    folder = split / "celebamask_more/train"
    paths = sorted((folder / "images").iterdir())
    for at in rng.permutation(len(paths)):
        mask = images.read_mask(folder / "masks" / f"{paths[at].stem}.png")
        rgb = cv2.resize(images.read(paths[at]), mask.shape[::-1], interpolation=cv2.INTER_AREA)
        for _ in range(12):
            there = _square(mask.shape, int(len(mask) * rng.uniform(0.1, 0.3)), rng)
            part = mask[there]
            if np.isin(part, FACE).any() or ((part > 0).mean() < 0.5 and rng.random() < 0.7):
                continue
            enlarged = cv2.resize(rgb[there], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            yield enlarged, cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
            break


def _square(shape: tuple[int, ...], side: int, rng: np.random.Generator) -> tuple[slice, slice]:
    top, left = (int(rng.integers(0, length - side + 1)) for length in shape[:2])
    return slice(top, top + side), slice(left, left + side)


if __name__ == "__main__":
    split, out = Path(sys.argv[1]), Path(sys.argv[2])
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (out / name).mkdir(parents=True, exist_ok=True)
    number = 0
    for pairs, most in ((cut_places(split, rng), PLACES), (cut_clothes(split, rng), CLOTHES)):
        for rgb, mask in islice(pairs, most):
            images.write_png(out / "images" / f"{number:05}.png", rgb)
            images.write_mask(out / "masks" / f"{number:05}.png", mask, classes.palette())
            number += 1
