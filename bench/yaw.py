"""How far the yaw of turned heads is off.

    python bench/yaw.py SPLIT [MODEL]

SPLIT is what ``recipes/split.py`` wrote. On AFLW2000-3D the truth is the pose of the shape model fitted to the true
landmarks. FASSEG's pictures are named by where people were asked to look, which is not quite where they looked.
"""

import re
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from facelm.landmarks.find import find_landmarks
from facelm.landmarks.shape import fit_shape
from facelm.measuring.evaluate import face_at
from facelm.measuring.truth import find_truths
from facelm.parsing.parser import FaceParser
from facelm.pictures import images

TURNED = 60


def main(split: Path, weights: str) -> None:
    """Measure, and print."""
    parser = FaceParser(weights)
    console = Console()
    pairs = compare_landmarks(parser, split / "aflw/test")
    for least in (0, TURNED):
        true, told = pairs[np.abs(pairs[:, 0]) >= least].T
        console.print(
            f"AFLW2000-3D, turned by {least} degrees or more: {len(true)} faces, "
            f"off by {np.abs(told - true).mean():.1f} on average, "
            f"told {np.abs(told).mean():.1f}, true {np.abs(true).mean():.1f}",
            soft_wrap=True,
        )
    table = Table("FASSEG, asked for", "told on average", "pictures")
    for asked, told in sorted(read_labels(parser, split / "fasseg/test").items()):
        table.add_row(str(asked), f"{np.mean(told):.1f}", str(len(told)))
    console.print(table)


def compare_landmarks(parser: FaceParser, folder: Path) -> np.ndarray:
    """True and told yaw of each face that is found, (N, 2), degrees."""
    pairs = []
    for truth in track(find_truths(folder), "AFLW2000-3D", transient=True):
        face = face_at(parser.parse(images.read(truth.image)), np.nanmean(truth.points[17:], 0))
        if face:
            known = np.isfinite(truth.points).all(1).astype(float)
            pairs.append((fit_shape(truth.points, known).pose.yaw, find_landmarks(face).pose.yaw))
    return np.array(pairs)


def read_labels(parser: FaceParser, folder: Path) -> dict[int, list[float]]:
    """Yaw as it is told, without its sign, by what people were asked for; degrees."""
    told: dict[int, list[float]] = {}
    for truth in track(find_truths(folder), "FASSEG", transient=True):
        for face in parser.parse(images.read(truth.image))[:1]:
            asked = abs(int(re.match(r"pose([+-]?\d+)", truth.image.stem)[1]))
            told.setdefault(asked, []).append(abs(find_landmarks(face).pose.yaw))
    return told


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(sys.argv[2:] or ["lite"]))
