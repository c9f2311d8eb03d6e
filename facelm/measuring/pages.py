"""The page of a folder with known answers: the worst pictures first, and what was mistaken for what."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.hands.find import Hand
from facelm.measuring.evaluate import Measured, Task, evaluate
from facelm.measuring.metrics import MISSED
from facelm.measuring.reports import Evaluation, Report
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser
from facelm.results.faces import record_faces
from facelm.results.hands import describe_hands
from facelm.results.page import Curve, Section, Tile, draw_tile, write_page
from facelm.training.scores import ConfusionMatrix

_MISTAKES = 3
_LEAST_MISTAKE = 0.001


def write_labelled_page(
    path: Path,
    title: str,
    parser: FaceParser,
    task: Task,
    find_hands: Callable[[NDArray[np.uint8]], list[Hand]] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, all_: None,
) -> Evaluation:
    """Evaluate a model, and write the page.

    Args:
        path: The file.
        title: Of the page.
        parser: The model.
        task: The pictures and what is known of them.
        find_hands: Finds hands, which are drawn too; None where they are not wanted.
        on_progress: Called with (done, all) after each picture.

    Raises:
        facelm.ImageError: The page cannot be written.
    """
    tiles: list[Tile] = []

    def see(image: Path, rgb: NDArray[np.uint8], faces: list[Face], measured: Measured) -> None:
        height, width = rgb.shape[:2]
        found = find_hands(rgb) if find_hands else None
        records = record_faces(faces, height, width, hands=found or ())
        hands = None if found is None else describe_hands(found, height, width)
        values = _values(measured)
        notes = _mistakes(measured, task.names)
        if task.values:
            notes.append(f"group: {task.values[image.name]}")
        tiles.append(draw_tile(image.name, rgb, faces, records, values, notes, hands))

    found = evaluate(parser, task, on_progress=on_progress, on_picture=see)
    tiles += [Tile(line.split(": ")[0], line) for line in found.failed]
    curve = None
    if found.report.landmarks:
        curve = Curve([(each.confidence, each.near) for each in found.report.landmarks.reliability])
    write_page(path, title, sorted(tiles, key=_badness), _sections(found), curve)
    return found


def _values(measured: Measured) -> dict[str, float | None]:
    """What a picture can be sorted by, worst first."""
    values: dict[str, float | None] = {}
    if measured.confusion is not None:
        scores = ConfusionMatrix(len(measured.confusion))
        scores.counts += measured.confusion
        f1 = scores.scores().mean_f1
        values["F1"] = None if math.isnan(f1) else f1
    if measured.points:
        errors = [MISSED if each is None else float(np.nanmean(each.percent)) for each in measured.points]
        values["NME %"] = float(np.mean(errors))
    if measured.faces:
        values["wrong faces"] = float(measured.faces.faces - measured.faces.found + measured.faces.false)
    return values


def _badness(tile: Tile) -> tuple[float, float, str]:
    """What to sort tiles by: failures, then missed or false faces, then the largest error."""
    values = tile.values or {}
    error = max(1 - (values.get("F1") or 1.0), (values.get("NME %") or 0.0) / 100)
    return -math.inf if tile.error else -(values.get("wrong faces") or 0.0), -error, tile.name


def _mistakes(measured: Measured, names: tuple[str, ...]) -> list[str]:
    """The largest shares of pixels of one class that were taken for another."""
    if measured.confusion is None:
        return ["no face found"] if None in measured.points else []
    wrong = measured.confusion / max(1, measured.confusion.sum())
    np.fill_diagonal(wrong, 0)
    largest = np.argsort(-wrong, axis=None)[:_MISTAKES]
    pairs = [tuple(int(at) for at in np.unravel_index(int(place), wrong.shape)) for place in largest]
    return [f"{names[a]} taken for {names[b]}: {wrong[a, b]:.1%}" for a, b in pairs if wrong[a, b] >= _LEAST_MISTAKE]


def _sections(found: Evaluation) -> list[Section]:
    """The tables: scores, F1 by class, and landmarks by group of points; a column for each group of pictures."""
    reports: Mapping[str, Report] = {"all": found.report, **found.groups}
    columns = ["", *reports]
    sections = [Section("Scores", columns, _scores(reports))]
    if any(report.masks for report in reports.values()):
        names = found.report.names
        rows = [
            [name, *(_number(report.masks.f1[at] if report.masks else math.nan) for report in reports.values())]
            for at, name in enumerate(names)
        ]
        sections.append(Section("F1 by class", columns, rows))
    if found.report.landmarks:
        rows = [
            [name, *(_number(r.landmarks.groups[name] if r.landmarks else math.nan) for r in reports.values())]
            for name in found.report.landmarks.groups
        ]
        sections.append(Section("Error of landmarks by part, %", columns, rows))
    return sections


def _scores(reports: Mapping[str, Report]) -> list[list[str]]:
    rows = [["pictures", *(str(report.pictures) for report in reports.values())]]
    ways: dict[str, Callable[[Report], float]] = {
        "mean F1 of masks": lambda report: report.masks.mean_f1 if report.masks else math.nan,
        f"F1 of {', '.join(classes.CORE[:2])}, eyes, brows, mouth, lips": lambda report: report.core_f1,
        "error of landmarks, %": lambda report: report.landmarks.nme if report.landmarks else math.nan,
        "faces found": lambda report: report.faces.recall if report.faces else math.nan,
        "false faces": lambda report: float(report.faces.false) if report.faces else math.nan,
    }
    for name, way in ways.items():
        values = [way(report) for report in reports.values()]
        if not all(math.isnan(value) for value in values):
            rows.append([name, *map(_number, values)])
    return rows


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"
