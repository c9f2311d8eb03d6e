"""Draws what goes most wrong: the masks of the portraits that score least.

    python bench/failures.py FOLDER PICTURE.png [MODEL]

FOLDER is one that ``facelm evaluate`` takes, with masks of the 19 classes. Each tile is a mask as facelm draws it:
pale where people drew the same, in full colour where they drew something else. Below it the mean F1 of the classes in
it and the three commonest mistakes, with their share of the picture.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.progress import track

from facelm import classes
from facelm.measuring.truth import find_truths
from facelm.parsing.masks import paste
from facelm.parsing.parser import FaceParser
from facelm.training.scores import ConfusionMatrix

COLUMNS, ROWS = 4, 2
TILE = 256
PALE = 0.25


@dataclass(frozen=True, eq=False)
class Portrait:
    """A portrait as it was parsed.

    Attributes:
        score: Mean F1 of the foreground classes that people or the model see in it.
        drawn: (TILE, TILE, 3) RGB, its mask.
        mistakes: The commonest ones, a line each.
    """

    score: float
    drawn: NDArray[np.uint8]
    mistakes: str


def main(folder: Path, out: Path, weights: str) -> None:
    """Parse all, draw the worst."""
    parser = FaceParser(weights)
    portraits = []
    for truth in track(find_truths(folder)):
        if truth.example:
            rgb, mask = truth.example.read_values()
            portraits.append(judge(mask, paste(parser.parse(rgb), *mask.shape)))
    figure = Figure(figsize=(2.7 * COLUMNS, 3.5 * ROWS), layout="constrained")
    FigureCanvasAgg(figure)
    worst = sorted(portraits, key=lambda portrait: portrait.score)
    for axes, portrait in zip(figure.subplots(ROWS, COLUMNS).flat, worst, strict=False):
        axes.imshow(portrait.drawn)
        axes.set(xticks=(), yticks=(), xlabel=f"{portrait.score:.2f}\n{portrait.mistakes}")
    figure.savefig(out, dpi=80)


def judge(truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> Portrait:
    """Compare two masks (H, W), class indices."""
    matrix = ConfusionMatrix()
    matrix.add(truth, predicted)
    scores = matrix.scores()
    wrong = matrix.counts - np.diag(np.diag(matrix.counts))
    commonest = np.argsort(wrong, axis=None)[::-1][:3]
    mistakes = [
        f"{classes.NAMES[is_]} taken for {classes.NAMES[as_]}: {100 * wrong[is_, as_] / matrix.counts.sum():.1f} %"
        for is_, as_ in zip(*np.unravel_index(commonest, wrong.shape), strict=True)
    ]
    colours = classes.palette()[predicted]
    pale = (255 - PALE * (255 - colours.astype(float))).astype(np.uint8)
    drawn = np.where((truth != predicted)[..., None], colours, pale)
    return Portrait(scores.mean_f1, cv2.resize(drawn, (TILE, TILE), interpolation=cv2.INTER_AREA), "\n".join(mistakes))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *(sys.argv[3:] or ["lite"]))
