"""Whether eyes and mouths close: how far apart the points of the lids, and of the lips, are told to be.

    python bench/closing.py SPLIT [MODEL]

SPLIT is what ``recipes/split.py`` wrote. A gap is the mean distance of facing points in percent of the width of the eye
or the mouth. What people marked on 300-W's validation and test folders tells which are closed, and which nearly.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from facelm.landmarks.find import find_landmarks
from facelm.measuring.evaluate import face_at
from facelm.measuring.truth import find_truths
from facelm.parsing.parser import FaceParser
from facelm.pictures import images

OPENINGS = {
    "eyes": (((36, 39), ((37, 41), (38, 40))), ((42, 45), ((43, 47), (44, 46)))),
    "mouths": (((60, 64), ((61, 67), (62, 66), (63, 65))),),
}
BOUNDS = {"eyes": (0, 14, 20, 26, 100), "mouths": (0, 4, 10, 30, 200)}


def main(split: Path, weights: str) -> None:
    """Measure, and print a table."""
    parser = FaceParser(weights)
    gaps: dict[str, list[tuple[float, float]]] = {name: [] for name in OPENINGS}
    for part in ("val", "test"):
        for truth in track(find_truths(split / "landmarks_300w" / part), part, transient=True):
            face = face_at(parser.parse(images.read(truth.image)), np.nanmean(truth.points[17:], 0))
            if face is None:
                continue
            found = find_landmarks(face).points
            for name, openings in OPENINGS.items():
                gaps[name] += [(measure(truth.points, *each), measure(found, *each)) for each in openings]
    table = Table("", "true gap", "number", "true, mean", "told, mean", "off by, mean")
    for name, pairs in gaps.items():
        true, told = np.array(pairs).T
        for low, high in zip(BOUNDS[name], BOUNDS[name][1:], strict=False):
            these = (true >= low) & (true < high)
            figures = (true[these].mean(), told[these].mean(), np.abs(true - told)[these].mean())
            table.add_row(name, f"{low} to {high}", str(these.sum()), *(f"{figure:.1f}" for figure in figures))
    Console().print(table)


def measure(points: NDArray[np.float64], corners: tuple[int, int], facing: tuple[tuple[int, int], ...]) -> float:
    """The mean distance of facing points in percent of that of the corners."""
    width = np.linalg.norm(points[corners[0]] - points[corners[1]])
    return float(100 * np.mean([np.linalg.norm(points[a] - points[b]) for a, b in facing]) / width)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(sys.argv[2:] or ["lite"]))
