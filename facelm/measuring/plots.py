"""What is drawn of an evaluation: the confusion matrix, and how reliable the confidence is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from facelm.measuring.metrics import Bin
from facelm.training.curves import save_figure


def draw_confusion(counts: NDArray[np.int64], names: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix as a PNG: each row shows, in percent, what the pixels of a class were taken for.

    Args:
        counts: (C, C) pixels, true class in rows, predicted in columns.
        names: Of the C classes.
        path: The picture; its folder is made if missing.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    share = 100 * counts / counts.sum(1, keepdims=True).clip(min=1)
    side = 2.5 + 0.42 * len(names)
    figure = Figure(figsize=(side, side), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=10)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    for (row, column), value in np.ndenumerate(share):
        if value >= 0.5:
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color="w" if value > 50 else "k"
            )
    save_figure(figure, path)


def draw_reliability(bins: Sequence[Bin], path: Path) -> None:
    """Draw how often points of each confidence are right, as a PNG; calibrated ones lie on the diagonal.

    Args:
        bins: Of `facelm.measuring.metrics.LandmarkScores`.
        path: The picture; its folder is made if missing.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7")
    axes.plot([each.confidence for each in bins], [each.near for each in bins], marker="o")
    for each in bins:
        axes.annotate(str(each.points), (each.confidence, each.near), (4, -12), textcoords="offset points", fontsize=8)
    axes.set(xlabel="confidence", ylabel="share within 5 % of the inter-ocular distance", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    save_figure(figure, path)
