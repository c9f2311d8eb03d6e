"""The options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[
    list[str],
    typer.Argument(help="Pictures, folders (walked recursively), quoted globs, or - for standard input."),
]
Folder = Annotated[Path, typer.Option("--out", "-o", help="Folder of the results; sub folders are kept.")]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="lite, resnet50, or a file that train wrote.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps; auto takes the fastest that is there.")]
FlipOption = Annotated[
    bool, typer.Option("--flip", help="Average with the mirrored face: a little better, at twice the time.")
]
BatchOption = Annotated[int, typer.Option(min=1, help="Faces that go through the network at once.")]


class Norm(str, Enum):
    """Unit of the landmark error."""

    interocular = "interocular"
    box = "box"


class Format(str, Enum):
    """How landmarks are written."""

    jsonl = "jsonl"
    json = "json"
    csv = "csv"
    pts = "pts"
    coco = "coco"
    npz = "npz"
