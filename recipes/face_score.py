"""Fits what makes a probability of a face of what finder and parser say: the constants of ``facelm/parsing/parser.py``.

    python recipes/face_score.py SPLIT

SPLIT is what ``recipes/split.py`` wrote. Faces, and what the finder takes for some, are those of ``photos/val``, from
which neither of the two learned; places that overlap a face in doubt count neither way, nor do those of photographs
whose faces are not all labelled. It prints the line for ``parser.py``, and the log loss of the finder and of both.
"""

import sys
from pathlib import Path

import logistic
import numpy as np
from finder import overlap
from finder_data import read_photos
from numpy.typing import NDArray

from facelm.finding.finder import logit
from facelm.parsing.parser import FaceParser, see_parts

WORTH_PARSING = 0.2  # of the finder's scores
FACE, IN_DOUBT = 0.35, 0.2  # overlap with a labelled face, and with one in doubt


def fit(looks: NDArray[np.float64], faces: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """A logistic regression of faces (N,) on looks (N, K) and a constant: K + 1 factors, and the mean log loss."""
    looks = np.column_stack([looks, np.ones(len(looks))])
    factors = logistic.fit(looks, faces)
    logits = looks @ factors
    return factors, float((np.logaddexp(0, logits) - faces * logits).mean())


def main(split: Path) -> None:
    """Look, fit, print."""
    parser = FaceParser("lite", "cpu")
    looks, faces = [], []
    for example in read_photos(split / "photos/val"):
        detections = parser.finder.find(example.rgb, min_score=WORTH_PARSING)
        found = parser.parse_detections(example.rgb, detections)
        for detection, face in zip(detections, found, strict=True):
            shares = overlap(np.array([detection.box], float), example.boxes.astype(float))[0]
            is_face = bool((shares[~example.unsure] > FACE).any())
            if (shares[example.unsure] > IN_DOUBT).any() or not (is_face or example.complete):
                continue
            side = 1 / np.sqrt(abs(np.linalg.det(face.transform[:, :2])))
            looks.append((detection.score, see_parts(face.probabilities, side)))
            faces.append(is_face)
    table, truth = np.array(looks), np.array(faces)
    table[:, 0] = logit(table[:, 0])
    _, alone = fit(table[:, :1], truth)
    (power, parts_power, constant), both = fit(table, truth)
    print(f"_POWER, _PARTS_POWER, _FACTOR = {power:.3g}, {parts_power:.3g}, {np.exp(constant):.3g}")
    print(f"{len(truth)} places, {truth.sum()} of them faces; log loss {alone:.3f} by the finder, {both:.3f} by both")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
