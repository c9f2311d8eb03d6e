"""Error of the landmarks on sets with points.

    python bench/landmarks.py DATA [MODEL]

DATA holds ``frl/`` (189 points placed by hand), ``aflw/`` and ``facesynthetics/`` (68 points). The error is the mean
distance to the points, in % of the distance of the outer eye corners (of the root of the box area for AFLW, as is
usual there); a face that was missed counts 30.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import facelm

SETS = {"frl": "landmarks189.json", "aflw": "landmarks68.json", "facesynthetics": "landmarks70.json"}
GROUPS = {
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}
MISSED = 30.0
# Which FRL points an iBUG point is, from 17 on; None where there is none. Pairs are averaged.
FRL: list[tuple[int, ...] | None] = [
    *((i,) for i in (71, 72, 73, 74)), (75, 76), (77, 78), *((i,) for i in (79, 80, 81, 82)),
    (51, 57), (52, 58), (53, 59), (54, 60), *((i,) for i in (64, 180, 55, 181, 69)),
    *((i,) for i in (18, 19, 21, 22, 30, 28, 23, 24, 26, 27, 33, 31)),
    *((i,) for i in (87, 88, 89, 90, 91, 92, 93, 108, 107, 106, 105, 104)),
    None, *((i,) for i in (95, 96, 97)), None, *((i,) for i in (102, 101, 100)),
]  # fmt: skip
FRL_CHIN = 129


def main(data: Path, weights: str) -> None:
    """Measure and print a line for each set."""
    parser = facelm.FaceParser(weights)
    for name, file in SETS.items():
        errors, missed = [], 0
        for picture, points in sorted(json.loads((data / name / file).read_text()).items()):
            truth = _ibug(np.array(points, float))
            found = _find(parser, data / name / "images" / picture, np.nanmean(truth[17:], 0))
            if found is None:
                missed += 1
                continue
            unit = np.sqrt(np.prod(np.ptp(truth, 0))) if name == "aflw" else np.linalg.norm(truth[36] - truth[45])
            errors.append(100 * np.linalg.norm(found - truth, axis=1) / unit)
        each = np.array(errors)
        mean = (np.nanmean(each, 1).sum() + MISSED * missed) / (len(each) + missed)
        groups = ", ".join(f"{group} {np.nanmean(each[:, part]):.2f}" for group, part in GROUPS.items())
        print(f"{name}: {mean:.2f} over {len(each) + missed} faces, {missed} missed; found faces: {groups}")


def _ibug(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The iBUG points of a set, NaN where it has none."""
    if len(points) < 189:
        return points[:68]
    truth = np.full((68, 2), np.nan)
    truth[8] = points[FRL_CHIN]
    for i, which in enumerate(FRL, 17):
        if which:
            truth[i] = points[list(which)].mean(0)
    return truth


def _find(parser: facelm.FaceParser, path: Path, middle: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The landmarks of the face around a point of the picture."""
    for face in parser.parse(facelm.read(path)):
        x0, y0, x1, y1 = face.box
        if x0 < middle[0] < x1 and y0 < middle[1] < y1:
            return facelm.find_landmarks(face).points
    return None


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "lite")
