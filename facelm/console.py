"""What a person sees of a long command: Rich progress and tables, on standard error."""

from __future__ import annotations

import math
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from facelm import classes

if TYPE_CHECKING:
    from facelm.train import Event

errors = Console(stderr=True, soft_wrap=True, highlight=False)


def picture_progress() -> Progress:
    """A bar for pictures: done, in all, time left. It is silent when standard error is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def warn(message: str) -> None:
    """Print lines to standard error as they are, without markup."""
    errors.print(message, markup=False)


class TrainingView:
    """Shows the events of a training run: a live bar for the steps, a table after each epoch."""

    def __init__(self) -> None:
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("{task.fields[rate]} images/s"),
            TextColumn("{task.fields[left]} left"),
            console=errors,
            transient=True,
            disable=not errors.is_terminal,
        )
        self.task = self.progress.add_task("train", total=1, epoch="-", loss="-", rate="-", left="-")

    def __enter__(self) -> TrainingView:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def show(self, event: Event) -> None:
        """Show an event of the run."""
        from facelm.train import Checking, Step

        if isinstance(event, Checking):
            self.progress.update(self.task, completed=event.checked, total=event.examples, epoch="0, checking data")
        elif isinstance(event, Step):
            self.progress.update(
                self.task,
                completed=event.step,
                total=event.steps,
                epoch=f"{event.epoch}/{event.epochs}",
                loss=f"{event.loss:.4f}",
                rate=f"{event.images_per_second:.1f}",
                left=_duration(event.seconds_left),
            )
        else:
            mark = " (best so far)" if event.best else ""
            table = Table(title=f"epoch {event.epoch}/{event.epochs}{mark}", title_justify="left")
            for name in ("train loss", "val loss", "pixel accuracy", "mIoU", "mean F1"):
                table.add_column(name, justify="right")
            scores = event.scores
            values = (
                event.train_loss,
                event.val_loss,
                scores.pixel_accuracy,
                scores.mean_iou,
                scores.mean_f1,
            )
            table.add_row(*(_number(value) for value in values))
            errors.print(table)
            by_class = Table.grid(padding=(0, 2))
            cells = [f"{name} {_number(f1)}" for name, f1 in zip(classes.NAMES, scores.f1, strict=True)]
            for start in range(0, len(cells), 5):
                by_class.add_row(*cells[start : start + 5])
            errors.print("F1 by class")
            errors.print(by_class)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
