"""What is drawn of a training run and of an evaluation: history, confusion matrix, reliability of the confidence."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from facelm import files
from facelm.metrics import Bin


def write_history(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write losses and scores by epoch as CSV, whole or not at all.

    Args:
        history: A row for each epoch, at least one.
        path: The file.

    Raises:
        facelm.files.ImageError: The file cannot be written.
    """
    with files.atomic_path(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def draw_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw losses and scores by epoch as a PNG, whole or not at all.

    Args:
        history: A row for each epoch, with the columns of ``history.csv``.
        path: The picture.

    Raises:
        facelm.files.ImageError: The file cannot be written.
    """
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    losses, scores = figure.subplots(1, 2)
    for axes, title, names in (
        (losses, "loss", ("train_loss", "val_loss")),
        (scores, "validation", ("pixel_accuracy", "mean_iou", "mean_f1")),
    ):
        for name in names:
            axes.plot(epochs, [row[name] for row in history], label=name, marker="." if len(epochs) < 30 else None)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    _save(figure, path)


def draw_confusion(counts: NDArray[np.int64], names: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix as a PNG: each row shows, in percent, what the pixels of a class were taken for.

    Args:
        counts: (C, C) pixels, true class in rows, predicted in columns.
        names: Of the C classes.
        path: The picture; its folder is made if missing.

    Raises:
        facelm.files.ImageError: The file cannot be written.
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
    _save(figure, path)


def draw_reliability(bins: Sequence[Bin], path: Path) -> None:
    """Draw how often points of each confidence are right, as a PNG; calibrated ones lie on the diagonal.

    Args:
        bins: Of `facelm.metrics.LandmarkScores`.
        path: The picture; its folder is made if missing.

    Raises:
        facelm.files.ImageError: The file cannot be written.
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
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(drawn.getbuffer())
