"""How well facelm sees in the dark, against the light, and in pictures that are bad in other ways.

    python bench/conditions.py FOLDER [MODEL]

FOLDER is one that ``facelm evaluate`` takes, with masks of the 19 classes. Its pictures are spoilt, parsed and scored:
all foreground classes, and the core, skin, nose, eyes, brows, mouth and lips.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from facelm.measuring.truth import find_truths
from facelm.parsing.masks import paste
from facelm.parsing.parser import FaceParser
from facelm.training.scores import ConfusionMatrix, core_f1

RNG = np.random.default_rng(0)

Spoil = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.uint8]]


def main(folder: Path, weights: str) -> None:
    """Spoil, parse, print."""
    parser = FaceParser(weights)
    examples = [truth.example.read_values() for truth in find_truths(folder) if truth.example]
    table = Table("pictures", "mean F1", "core F1", "missed")
    for name, spoil in CONDITIONS.items():
        matrix, missed = ConfusionMatrix(), 0
        for rgb, mask in track(examples, name, transient=True):
            faces = parser.parse(spoil(rgb, mask))
            missed += not faces
            matrix.add(mask, paste(faces, *mask.shape))
        scores = matrix.scores()
        table.add_row(name, f"{scores.mean_f1:.3f}", f"{core_f1(scores.f1):.3f}", str(missed))
    Console().print(table)


def light(red: float, green: float, blue: float, haze: float = 0) -> Spoil:
    """Multiply the colours, add haze."""
    return lambda rgb, mask: clip(rgb * np.array([red, green, blue]) + haze)


def darken_people(light: float) -> Spoil:
    """Multiply people alone, with a soft edge: they stand against the light."""

    def spoil(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        people = cv2.GaussianBlur((mask > 0).astype(np.float32), (0, 0), 3)[..., None]
        return clip(rgb * (1 - people * (1 - light)))

    return spoil


def grey(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take the colour."""
    return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)


def add_noise(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add normal noise of 30 levels."""
    return clip(rgb + RNG.normal(0, 30, rgb.shape))


def compress(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Store as JPEG of quality 8."""
    stored = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 8])[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)


def blur(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blur by 4 pixels."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 4), np.uint8)


def enlarge(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink to an eighth, and enlarge again."""
    small = cv2.resize(rgb, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def clip(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Values as pixels."""
    return np.clip(values, 0, 255).astype(np.uint8)


CONDITIONS: dict[str, Spoil] = {
    "as they are": light(1, 1, 1),
    "dark: 0.4 of the light": light(0.4, 0.4, 0.4),
    "0.1": light(0.1, 0.1, 0.1),
    "0.04": light(0.04, 0.04, 0.04),
    "people against the light: 0.3 of theirs": darken_people(0.3),
    "0.15": darken_people(0.15),
    "overexposed: 1.7": light(1.7, 1.7, 1.7),
    "haze": light(0.3, 0.3, 0.3, 140),
    "red light": light(1, 0.35, 0.3),
    "blue light": light(0.4, 0.6, 1),
    "black and white": grey,
    "noise": add_noise,
    "JPEG of quality 8": compress,
    "enlarged by 8": enlarge,
    "blurred by 4 px": blur,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]), *(sys.argv[2:] or ["lite"]))
