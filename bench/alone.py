"""Networks alone, without finding faces: the portraits of a folder are already where the network expects them.

    python bench/alone.py FOLDER MODEL:SIDE...

FOLDER is one that ``facelm evaluate`` takes, with square portraits and masks of the 19 classes. MODEL is a model of
facelm's, SIDE that of the picture that it sees, in pixels, a multiple of 32. Prints the mean F1 of the foreground
classes, and of the core: skin, nose, eyes, brows, mouth and lips.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from facelm.engines.open import open_engine
from facelm.measuring.truth import find_truths
from facelm.training.scores import ConfusionMatrix, core_f1


def main(folder: Path, *models: str) -> None:
    """Predict, and print."""
    examples = [truth.example.read_values() for truth in find_truths(folder) if truth.example]
    table = Table("model", "side", "mean F1", "core F1")
    for weights, side in (model.rsplit(":", 1) for model in models):
        engine, matrix = open_engine(weights), ConfusionMatrix()
        for rgb, mask in examples:
            seen = cv2.resize(rgb, (int(side), int(side)), interpolation=cv2.INTER_AREA)
            probabilities = engine.predict(seen[None])[0]
            enlarged = [cv2.resize(each, mask.shape[::-1], interpolation=cv2.INTER_LINEAR) for each in probabilities]
            matrix.add(mask, np.argmax(enlarged, 0).astype(np.uint8))
        scores = matrix.scores()
        table.add_row(weights, side, f"{scores.mean_f1:.4f}", f"{core_f1(scores.f1):.4f}")
    Console().print(table)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
