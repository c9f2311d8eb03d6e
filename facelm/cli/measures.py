"""The commands that measure: how well a model does, and how fast facelm is here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from facelm.cli.options import (
    NOTHING_TO_DO,
    SOME_FAILED,
    WRONG_USAGE,
    BatchOption,
    ClassesOption,
    DeviceOption,
    FlipOption,
    Jaw,
    JawOption,
    ModelOption,
    Norm,
    load_parser,
    refuse_overwriting,
)


def evaluate(
    data: Annotated[
        Path,
        typer.Option(help="Folder with images/ + masks/, landmarks68.json, or faces.json; or CelebAMask-HQ."),
    ],
    by: Annotated[
        str | None, typer.Option(help="Break the scores down by this column of a CSV file in the folder.")
    ] = None,
    class_order: ClassesOption = None,
    norm: Annotated[Norm, typer.Option(help="Unit of the landmark error.")] = Norm.interocular,
    jaw: JawOption = Jaw.outline,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for scores.json, and confusion.png or reliability.png.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over scores that are there.")] = False,
    model: ModelOption = "lite",
    device: DeviceOption = "auto",
    batch: BatchOption = 8,
    flip: FlipOption = False,
) -> None:
    """Measure a model: F1 and IoU of masks, NME of landmarks, recall of faces, on pictures with known answers."""
    from facelm.cli import screen
    from facelm.measuring.evaluate import evaluate as measure
    from facelm.measuring.evaluate import prepare
    from facelm.measuring.reports import to_json
    from facelm.pictures.files import ImageError, atomic_path, exists
    from facelm.training.data import DataError

    written = [out / name for name in ("scores.json", "confusion.png", "reliability.png")] if out else []
    if there := [path for path in written if exists(path) and not overwrite]:
        refuse_overwriting(there[0], can_skip=False)
    try:
        task = prepare(data, by, class_order)
    except DataError as error:
        screen.warn(str(error))
        raise typer.Exit(WRONG_USAGE) from None
    parser = load_parser(model, device, batch, flip)
    with screen.picture_progress() as progress:
        bar = progress.add_task("pictures", total=None)
        found = measure(
            parser, task, norm.value, jaw.value, lambda done, all_: progress.update(bar, completed=done, total=all_)
        )
    for line in found.failed:
        screen.warn(line)
    scores = json.dumps({"data": str(data), "model": model, **to_json(found)}, indent=2)
    try:
        if written:
            from facelm.measuring.plots import draw_confusion, draw_reliability

            with atomic_path(written[0]) as temporary:
                temporary.write_text(scores + "\n")
            if found.report.confusion is not None:
                draw_confusion(found.report.confusion, found.report.names, written[1])
            if found.report.landmarks is not None:
                draw_reliability(found.report.landmarks.reliability, written[2])
    except ImageError as error:
        screen.warn(str(error))
        raise typer.Exit(SOME_FAILED) from None
    if as_json:
        print(scores)
    else:
        screen.show_evaluation(found)
    raise typer.Exit(SOME_FAILED if found.failed else 0)


def bench(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Pictures, folders or quoted globs.")],
    model: ModelOption = "lite",
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure how fast facelm is on this machine, on your pictures."""
    from dataclasses import asdict

    from facelm.cli import screen
    from facelm.engines.weights import ModelError
    from facelm.pictures import sources, texts
    from facelm.pictures.files import ImageError

    try:
        if "-" in inputs:
            raise texts.UsageError("standard input cannot be timed: give a file")
        found = sources.find(inputs)
    except texts.UsageError as error:
        raise typer.BadParameter(str(error)) from None
    if not found:
        screen.warn(f"nothing to do: no picture in {', '.join(inputs)}")
        raise typer.Exit(NOTHING_TO_DO)
    from facelm.measuring.bench import measure

    try:
        with screen.picture_progress() as progress:
            bar = progress.add_task("pictures", total=None)
            speed = measure(found, model, device, lambda done, all_: progress.update(bar, completed=done, total=all_))
    except ModelError as error:
        raise typer.BadParameter(str(error)) from None
    except ImageError as error:
        screen.warn(str(error))
        raise typer.Exit(SOME_FAILED) from None
    if as_json:
        print(json.dumps(asdict(speed)))
    else:
        screen.show_speed(speed)
