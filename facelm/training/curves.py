"""The curves of a training run: losses and scores by epoch, as CSV and drawn."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from facelm.pictures import files
from facelm.training.config import TrainError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def write_history(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write losses and scores by epoch as CSV, whole or not at all.

    Args:
        history: A row for each epoch, at least one.
        path: The file.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    with files.atomic_path(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def is_stale(history: Sequence[Mapping[str, float]], patience: int | None) -> bool:
    """Whether the last epochs, as many as the patience, brought no better mean F1."""
    scores = [-1.0 if math.isnan(row["mean_f1"]) else row["mean_f1"] for row in history]
    return bool(scores) and patience is not None and len(scores) - 1 - scores.index(max(scores)) >= patience


class Board:
    """Scalars of a run for TensorBoard, beside ``history.csv``.

    Args:
        folder: Of the event files; None where they are not wanted.

    Raises:
        TrainError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path | None) -> None:
        self._writer: SummaryWriter | None = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise TrainError("--tensorboard needs TensorBoard: pip install 'facelm[tensorboard]'") from error
        self._writer = SummaryWriter(str(folder))

    def write(self, row: Mapping[str, float]) -> None:
        """Write the losses and scores of an epoch."""
        if self._writer is None:
            return
        for name, value in row.items():
            if name != "epoch":
                group = "loss" if name.endswith("loss") else "f1" if name.startswith("f1_") else "validation"
                self._writer.add_scalar(f"{group}/{name.removeprefix('f1_')}", value, int(row["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        """End the event file and its thread; what is written later goes to a new one."""
        if self._writer is not None:
            self._writer.close()


def draw_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw losses and scores by epoch as a PNG, whole or not at all.

    Args:
        history: A row for each epoch, with the columns of ``history.csv``.
        path: The picture.

    Raises:
        facelm.ImageError: The file cannot be written.
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
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(drawn.getbuffer())
