"""What a person sees of a long command: Rich progress and tables, on standard error."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

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
from rich.text import Text

from facelm import classes
from facelm.pictures.files import spell
from facelm.pictures.kinds import LEFT_OUT
from facelm.training.events import Checking, Event, Missing, Step

if TYPE_CHECKING:
    from facelm.measuring.bench import Speed
    from facelm.measuring.reports import Evaluation, Report
    from facelm.runs.batch import Outcome

errors = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
_SECONDS_A_LINE = 60


@dataclass
class Tally:
    """What a run over pictures has done so far."""

    pictures: int = 0
    faces: int = 0
    hands: int | None = None
    failed: int = 0
    skipped: int = 0
    begun: float = field(default_factory=time.monotonic)

    def add(self, outcome: Outcome[Any]) -> None:
        """Count a picture."""
        self.pictures += 1
        self.faces += outcome.faces
        if outcome.hands is not None:
            self.hands = (self.hands or 0) + outcome.hands
        self.failed += outcome.error is not None


def show_tally(tally: Tally) -> None:
    """Print to standard error what a run has done, if it was about more than one picture."""
    if tally.pictures + tally.skipped < 2:
        return
    seconds = time.monotonic() - tally.begun
    cells = {"pictures": tally.pictures, "failed": tally.failed, "skipped": tally.skipped, "faces": tally.faces}
    if tally.hands is not None:
        cells["hands"] = tally.hands
    table = Table(*cells, "time", "pictures/s")
    table.add_row(*map(str, cells.values()), _duration(seconds), f"{tally.pictures / seconds:.1f}")
    errors.print(table)


def show_left_out(paths: Sequence[Path]) -> None:
    """Print to standard error which files look like pictures or videos but are of kinds that are not read."""
    if paths:
        kinds = Counter(LEFT_OUT[path.suffix.lower()] for path in paths)
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        warn(f"left out, for their kinds are not read: {counts}; the first is {paths[0]}")


def picture_progress(quiet: bool = False) -> Progress:
    """A bar for pictures: done, in all, time left. It is silent when standard error is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=quiet or not errors.is_terminal,
    )


def warn(message: str) -> None:
    """Print lines to standard error, without markup; characters that would steer the terminal are spelled out."""
    errors.print(spell(message, but="\n"), markup=False)


class TrainingView:
    """Shows the events of a training run: a table after each epoch; meanwhile a live bar, in a log a line a minute.

    Args:
        leads: Whether this process is the one of several that reports.
    """

    def __init__(self, leads: bool = True) -> None:
        self.leads = leads
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("{task.fields[rate]} images/s"),
            TextColumn("{task.fields[left]} left"),
            console=errors,
            transient=True,
            disable=not errors.is_terminal or not leads,
        )
        self.task = self.progress.add_task("train", total=1, epoch="-", loss="-", rate="-", left="-")
        self.last_line = time.monotonic()

    def __enter__(self) -> TrainingView:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def show(self, event: Event) -> None:
        """Show an event of the run."""
        if not self.leads:
            return
        if isinstance(event, Checking):
            self.progress.update(self.task, completed=event.checked, total=event.examples, epoch="0, checking data")
        elif isinstance(event, Missing):
            warn(f"no {event.masks} mask shows {', '.join(event.names)}")
        elif isinstance(event, Step):
            epoch, loss = f"{event.epoch}/{event.epochs}", f"{event.loss:.4f}"
            rate, left = f"{event.images_per_second:.1f}", _duration(event.seconds_left)
            self.progress.update(
                self.task, completed=event.step, total=event.steps, epoch=epoch, loss=loss, rate=rate, left=left
            )
            if not errors.is_terminal and time.monotonic() > self.last_line + _SECONDS_A_LINE:
                self.last_line = time.monotonic()
                step = f"step {event.step}/{event.steps}"
                errors.print(f"epoch {epoch}  {step}  loss {loss}  {rate} images/s  {left} left")
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


def show_classes(table: Sequence[classes.FaceClass]) -> None:
    """Print the classes to standard output, each with its colour."""
    shown = Table("", "index", "name", "meaning")
    shown.columns[1].justify = "right"
    for each in table:
        red, green, blue = each.colour
        shown.add_row(f"[on rgb({red},{green},{blue})]  [/]", str(each.index), each.name, each.meaning)
    Console().print(shown)


def show_speed(speed: Speed) -> None:
    """Print what `facelm bench` measured to standard output."""
    title = f"{speed.engine}, {speed.faces:.1f} faces in a picture"
    table = Table("", "", title=title, title_justify="left", show_header=False)
    table.columns[1].justify = "right"
    table.add_row("load the model", f"{speed.load:.2f} s")
    for stage, milliseconds in speed.stages.items():
        table.add_row(stage, f"{milliseconds:.1f} ms")
    table.add_row(f"pictures/s, {speed.threads} at once", f"{speed.pictures_per_second:.1f}")
    if speed.peak_memory is not None:
        table.add_row("most memory", f"{speed.peak_memory:.0f} MB")
    Console().print(table)


def show_evaluation(evaluation: Evaluation) -> None:
    """Print the scores of an evaluation to standard output, a column for each group."""
    results = Console(soft_wrap=not Console().is_terminal, highlight=False)
    reports = {"": evaluation.report, **evaluation.groups}  # a value is never empty
    shown = [("", "pictures", {name: str(report.pictures) for name, report in reports.items()})]
    shown += _rows(reports)
    table = Table()
    table.add_column("")
    for name in reports:
        table.add_column(Text(spell(name) or "all"), justify="right")
    section = ""
    for title, label, values in shown:
        if title != section:
            table.add_section()
            section = title
        table.add_row(label, *(values[name] for name in reports))
    results.print(table)


def _rows(reports: Mapping[str, Report]) -> list[tuple[str, str, dict[str, str]]]:
    """Section, label, and value by group, of every score that the pictures have."""
    cells = {name: _cells(report) for name, report in reports.items()}
    labels = dict.fromkeys(key for each in cells.values() for key in each)
    return [(*key, {name: each.get(key, "-") for name, each in cells.items()}) for key in labels]


def _cells(report: Report) -> dict[tuple[str, str], str]:
    """The scores of a report, by section and label."""
    cells: dict[tuple[str, str], str] = {}
    if report.masks:
        cells["masks", "pixel accuracy"] = _number(report.masks.pixel_accuracy)
        cells["masks", "mIoU"] = _number(report.masks.mean_iou)
        cells["masks", "mean F1"] = _number(report.masks.mean_f1)
        if not math.isnan(report.core_f1):
            cells["masks", "core: F1 of skin, nose, eyes, brows, mouth, lips"] = _number(report.core_f1)
        cells["masks", "missed"] = str(report.missed_masks)
        for name, f1 in zip(report.names, report.masks.f1, strict=True):
            cells["F1", f"F1 {name}"] = _number(f1)
    if report.landmarks:
        cells["landmarks", "faces with landmarks"] = str(report.landmarks.faces)
        cells["landmarks", "missed"] = str(report.landmarks.missed)
        cells["landmarks", "NME %, a missed face counts 30"] = _percent(report.landmarks.nme)
        cells["landmarks", "NME % of the faces found"] = _percent(report.landmarks.found_nme)
        cells["landmarks", "failures (NME above 10 %)"] = _number(report.landmarks.failure_rate)
        for group, error in report.landmarks.groups.items():
            cells["groups", f"NME % {group}"] = _percent(error)
        if not math.isnan(report.landmarks.jaw_line):
            cells["groups", "jaw points off the jaw line %"] = _percent(report.landmarks.jaw_line)
        cells["confidence", "calibration error"] = _number(report.landmarks.calibration_error)
        for each in report.landmarks.reliability:
            tenth = min(9, int(10 * each.confidence))
            cells["confidence", f"within 5 %, of confidence 0.{tenth}"] = _number(each.near)
    if report.faces:
        cells["faces", "faces with a box"] = str(report.faces.faces)
        cells["faces", "recall"] = _number(report.faces.recall)
        cells["faces", "false faces"] = str(report.faces.false)
    return cells


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
