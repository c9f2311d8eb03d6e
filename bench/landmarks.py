"""Compares the ways to landmarks on the same faces: contours, network, both; and all three from the true masks.

    python bench/landmarks.py SPLIT [MODEL]

SPLIT is what ``recipes/split.py`` wrote. Prints the normalised mean error of each way in percent, a missed face
counting 30. ``both`` is what facelm does. True masks are there for FaceSynthetics alone: the faces are where the
parser finds them, and where it finds none, where their landmarks are.
"""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from facelm import classes
from facelm.landmarks.find import find_landmarks
from facelm.landmarks.learned import find_points
from facelm.landmarks.points import POINTS
from facelm.measuring.evaluate import face_at
from facelm.measuring.metrics import FaceErrors, measure_points, score_landmarks
from facelm.measuring.truth import Truth, align_landmarks, find_truths
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser
from facelm.pictures import affine, images
from facelm.pictures.crops import find_inside, to_crop_pixels

SETS = {"aflw/test": "box", "frl/test": "interocular", "facesynthetics/test": "interocular"}


def main(split: Path, weights: str) -> None:
    """Measure, and print a table."""
    parser = FaceParser(weights)
    table = Table("", *(f"{name}, % of {norm}" for name, norm in SETS.items()))
    columns = [measure(parser, split / name, norm) for name, norm in SETS.items()]
    for way in columns[-1]:
        table.add_row(way, *(tell(column[way]) if way in column else "" for column in columns))
    Console(width=120).print(table)


def measure(parser: FaceParser, folder: Path, norm: str) -> dict[str, list[FaceErrors | None]]:
    """The errors of every face, by way."""
    errors: dict[str, list[FaceErrors | None]] = {}
    for truth in track(find_truths(folder), folder.parent.name):
        rgb = images.read(truth.image)
        face = face_at(parser.parse(rgb), np.nanmean(truth.points[17:], 0))
        ways = find_ways(face) if face else {"contours": None, "network": None, "both": None}
        if truth.example:
            perfect = see_truly(rgb, truth, face, parser.info.size)
            ways |= {f"{way}, true masks": points for way, points in find_ways(perfect).items()}
        for way, points in ways.items():
            found = None
            if points is not None:
                found = measure_points(points, np.zeros(POINTS), truth.points, truth.jaw_line, norm)
            errors.setdefault(way, []).append(found)
    return errors


def find_ways(face: Face) -> dict[str, NDArray[np.float64] | None]:
    """The landmarks (68, 2) of a face in the picture, by way."""
    return {
        "contours": find_landmarks(face, learned=False).points,
        "network": affine.apply(face.to_picture, find_points(face.probabilities).points),
        "both": find_landmarks(face).points,
    }


def see_truly(rgb: NDArray[np.uint8], truth: Truth, face: Face | None, size: int) -> Face:
    """A face as a parser without errors would see it."""
    transform = face.transform if face else align_landmarks(truth.points)
    mask = truth.example.read()[1]
    to_crop = to_crop_pixels(transform, size)
    layers = [
        cv2.warpAffine((mask == index).astype(np.float32), to_crop, (size, size))
        for index in range(len(classes.CLASSES))
    ]
    probabilities = np.stack(layers)
    probabilities[0] += 1 - probabilities.sum(0)
    inside = find_inside(rgb.shape, transform, size)
    if face:
        return replace(face, probabilities=probabilities, inside=inside)
    return Face((0, 0, 1, 1), 1.0, transform, probabilities, inside, probabilities)


def tell(errors: list[FaceErrors | None]) -> str:
    """The score, and how many were missed."""
    scores = score_landmarks(errors)
    return f"{scores.nme:.2f}" + (f" ({scores.missed} of {scores.faces} missed)" if scores.missed else "")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "lite")
