"""Compares the ways to landmarks on the same faces: contours, the network by what it sees, and both.

    python bench/landmarks.py SPLIT [MODEL]

SPLIT is what ``recipes/split.py`` wrote. Prints the normalised mean error of each way in percent, a missed face
counting 30; the jaw is the one of each set. The last way is what facelm does, there also from the true masks, which
FaceSynthetics alone has: the faces are where the parser finds them, and where it finds none, where their landmarks are.
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
from facelm.pictures.crops import cut_crop, find_inside, to_crop_pixels

SETS = {
    "landmarks_300w/test": ("interocular", "outline"),
    "aflw/test": ("box", "bone"),
    "frl/test": ("interocular", "outline"),
    "facesynthetics/test": ("interocular", "bone"),
}
CONTOURS, REGIONS, PHOTOGRAPH = "contours and shape model", "network on the regions", "network on the photograph"
NETWORK, REFINED = "network on both", "network on both, refined by contours"


def main(split: Path, weights: str) -> None:
    """Measure, and print a table."""
    parser = FaceParser(weights)
    table = Table("", *(f"{name}, % of {norm}" for name, (norm, _) in SETS.items()))
    columns = [measure(parser, split / name, *how) for name, how in SETS.items()]
    for way in columns[-1]:
        table.add_row(way, *(tell(column[way]) if way in column else "" for column in columns))
    Console(width=120).print(table)


def measure(parser: FaceParser, folder: Path, norm: str, jaw: str) -> dict[str, list[FaceErrors | None]]:
    """The errors of every face, by way."""
    errors: dict[str, list[FaceErrors | None]] = {}
    for truth in track(find_truths(folder), folder.parent.name):
        rgb = images.read(truth.image)
        face = face_at(parser.parse(rgb), np.nanmean(truth.points[17:], 0))
        ways = find_ways(face, jaw) if face else dict.fromkeys((CONTOURS, REGIONS, PHOTOGRAPH, NETWORK, REFINED))
        if truth.example:
            perfect = see_truly(rgb, truth, face, parser.info.size)
            ways |= {f"{way}, true masks": find_ways(perfect, jaw)[way] for way in (CONTOURS, REFINED)}
        for way, points in ways.items():
            found = None
            if points is not None:
                found = measure_points(points, np.zeros(POINTS), truth.points, truth.jaw_line, norm)
            errors.setdefault(way, []).append(found)
    return errors


def find_ways(face: Face, jaw: str) -> dict[str, NDArray[np.float64] | None]:
    """The landmarks (68, 2) of a face in the picture, by way."""
    seen = {
        REGIONS: replace(face, rgb=None),
        PHOTOGRAPH: replace(face, probabilities=np.zeros_like(face.probabilities)),
        NETWORK: face,
    }
    return {
        CONTOURS: find_landmarks(face, learned=False).points,
        **{way: affine.apply(face.to_picture, find_points(each, jaw).points) for way, each in seen.items()},
        REFINED: find_landmarks(face, jaw).points,
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
    crop = cut_crop(rgb, transform, size)
    return Face((0, 0, 1, 1), 1.0, transform, probabilities, inside, probabilities, crop)


def tell(errors: list[FaceErrors | None]) -> str:
    """The score, and how many were missed."""
    scores = score_landmarks(errors)
    return f"{scores.nme:.2f}" + (f" ({scores.missed} of {scores.faces} missed)" if scores.missed else "")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "lite")
