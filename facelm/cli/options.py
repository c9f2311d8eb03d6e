"""The options that several commands share, and the parser that they ask for."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints

import typer

if TYPE_CHECKING:
    from facelm.parsing.parser import FaceParser
    from facelm.pictures.boxes import Box

SOME_FAILED, WRONG_USAGE, NOTHING_TO_DO = 1, 2, 3
"""Exit statuses; after a signal it is 128 and its number."""

Folder = Annotated[Path, typer.Option("--out", "-o", help="Folder of the results; sub folders are kept.")]
PICTURES_MODEL, CLIPS_MODEL = "lite", "tiny"

ModelOption = Annotated[str, typer.Option("--model", "-m", help="tiny, lite, resnet50, or a file that train wrote.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps; auto takes the fastest that is there.")]
FlipOption = Annotated[
    bool, typer.Option("--flip", help="Average with the mirrored face: a little better, at twice the time.")
]
ClassesOption = Annotated[
    str | None,
    typer.Option(
        "--classes",
        help="Order of the classes in masks: zllrunning, or a JSON file as classes.json. Default: as facelm classes.",
    ),
]
BatchOption = Annotated[int, typer.Option(min=1, help="Faces that go through the network at once.")]


class Engine(str, Enum):
    """What a run over many pictures runs on."""

    local = "local"
    ray = "ray"


@dataclass(frozen=True)
class Job:
    """What every command on pictures is told: the pictures, the model, and how to go about it."""

    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...", help="Pictures, videos, folders (walked recursively), quoted globs, or - for a picture."
        ),
    ] = None
    from_file: Annotated[
        Path | None,
        typer.Option(help="File that names an input on each line, or with NUL between them; - is standard input."),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="tiny, lite, resnet50, or a file that train wrote. Default: lite, for videos tiny."
        ),
    ] = None
    device: DeviceOption = "auto"
    batch: BatchOption = 8
    flip: FlipOption = False
    min_face: Annotated[
        float | None,
        typer.Option(min=8, help="Height of the smallest faces to look for, pixels. Default: follows the picture."),
    ] = None
    min_score: Annotated[
        float,
        typer.Option(min=0, max=1, help="Probability from which on a face is told; lower finds more, and more false."),
    ] = 0.5
    box: Annotated[
        list[str] | None,
        typer.Option(help="Faces of your own detector: x0,y0,x1,y1, or a CSV or JSON file of boxes. May be repeated."),
    ] = None
    every: Annotated[int, typer.Option(min=1, help="Of videos: look at the first of every so many frames.")] = 1
    no_smooth: Annotated[bool, typer.Option("--no-smooth", help="Of videos: each frame by itself.")] = False
    faces: Annotated[
        str,
        typer.Option("--faces", "--max-faces", help="In each picture: all, largest, central, or N, the N largest."),
    ] = "all"
    max_pixels: Annotated[
        int | None, typer.Option(min=1, help="Most pixels of a picture, width times height. Default: 200 million.")
    ] = None
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave results that are there, do only the rest.")
    ] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over results that are there.")] = False
    manifest: Annotated[
        Path | None, typer.Option(help="Also write what became of each picture to this file, as lines of JSON.")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of each picture, as lines of JSON.")] = (
        False
    )
    engine: Annotated[
        Engine, typer.Option(help="local, or ray: the cluster that RAY_ADDRESS names, with the extra ray installed.")
    ] = Engine.local
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary, only errors.")] = False


def takes_job(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Job`, in place of its parameter ``job``."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    hints = get_type_hints(Job, include_extras=True)
    shared = [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(Job)
    ]
    parameters = [shared[0], *(parameter for parameter in own if parameter.name != "job"), *shared[1:]]

    def run(**given: object) -> None:
        check_finite(given)
        job = Job(**{each.name: given.pop(each.name) for each in fields(Job)})  # type: ignore[arg-type]
        command(job=job, **given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    run.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    return run


def check_finite(given: Mapping[str, object]) -> None:
    """End the command if an option is a number that is none, which no bound refuses."""
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise typer.BadParameter(f"--{name.replace('_', '-')} {value}: wanted is a finite number")


class Norm(str, Enum):
    """Unit of the landmark error."""

    interocular = "interocular"
    box = "box"


class Jaw(str, Enum):
    """Where the points of the jaw run."""

    outline = "outline"
    bone = "bone"


JawOption = Annotated[
    Jaw, typer.Option(help="Where the points of the jaw run: the visible outline, or the bone, behind the cheek.")
]


class Format(str, Enum):
    """How landmarks are written."""

    jsonl = "jsonl"
    json = "json"
    csv = "csv"
    pts = "pts"
    coco = "coco"
    yolo = "yolo"
    npz = "npz"


def load_parser(
    model: str,
    device: str,
    batch: int,
    flip: bool,
    min_face: float | None = None,
    threads: int = 1,
    min_score: float = 0.5,
) -> FaceParser:
    """The parser that the options ask for; what is wrong with them ends the command with status 2."""
    # Only here, so that wrong usage is told at once and not after the seconds that torch takes to load.
    from facelm.engines.weights import ModelError
    from facelm.parsing.parser import FaceParser

    try:
        return FaceParser(model, device, batch, flip, min_face, threads, min_score)
    except ModelError as error:
        raise typer.BadParameter(str(error)) from None


def parser_maker(job: Job, moving: bool = False) -> Callable[..., FaceParser]:
    """What makes the parser that a job asks for, of pictures or of videos; it takes ``threads``."""
    model = job.model or (CLIPS_MODEL if moving else PICTURES_MODEL)
    return partial(load_parser, model, job.device, job.batch, job.flip, job.min_face, min_score=job.min_score)


def check_model(model: str) -> None:
    """End the command at once if there is no such model: on a cluster it would be told by each node."""
    from facelm.engines.weights import ModelError, find_weights

    try:
        find_weights(model)
    except ModelError as error:
        raise typer.BadParameter(str(error)) from None


def match_boxes(job: Job, pictures: Sequence[str]) -> Mapping[str, Sequence[Box]]:
    """The boxes that the options give each picture; what does not match is told, and refused where nothing does.

    Raises:
        facelm.ImageError: They cannot be read.
        typer.BadParameter: No name in them is one of the pictures.
    """
    from facelm.cli import screen
    from facelm.pictures.boxes import read_boxes

    boxes = read_boxes(job.box or ())
    matched = boxes.match(pictures)
    if not boxes.by_name or not pictures:
        return matched.of
    if len(matched.bare) == len(pictures):
        name = next(iter(boxes.by_name))
        raise typer.BadParameter(f"--box: no name in it, as {name}, is one of the pictures, as {pictures[0]}")
    for names, cause in ((matched.strangers, "match no picture"), (matched.bare, "have no box")):
        if names and not job.quiet:
            screen.warn(f"--box: {len(names)} names {cause}: {names[0]}{' ...' if len(names) > 1 else ''}")
    return matched.of


def refuse_overwriting(path: Path, more: int = 0, can_skip: bool = True) -> None:
    """End the command: a result is there already.

    Args:
        path: The result.
        more: How many others are there too.
        can_skip: Whether the command has ``--skip-existing``.

    Raises:
        typer.BadParameter: Always.
    """
    others = f" (and {more} more)" if more else ""
    skipping = ", --skip-existing does only what is missing" if can_skip else ""
    raise typer.BadParameter(f"{path}{others} exists already: --overwrite writes it anew{skipping}")
