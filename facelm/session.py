"""What the commands on pictures share: find the inputs, load the model, read on past bad files, count failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import typer
from numpy.typing import NDArray

from facelm import batch, images
from facelm.console import picture_progress, warn

if TYPE_CHECKING:
    from facelm.parse import Face, FaceParser

NOTHING_TO_DO = 3


def find(inputs: list[str], suffixes: list[str]) -> list[batch.Source]:
    """The pictures to work on, each with outputs of its own; ends the command when there are none."""
    try:
        sources = batch.find(inputs)
        batch.check_outputs(sources, suffixes)
    except batch.UsageError as error:
        raise typer.BadParameter(str(error)) from None
    if not sources:
        warn(f"nothing to do: no picture in {', '.join(inputs)}")
        raise typer.Exit(NOTHING_TO_DO)
    return sources


def load(model: str, device: str, batch_size: int, flip: bool) -> FaceParser:
    """The parser that the options ask for; what is wrong with them ends the command with status 2."""
    # Only here, so that wrong usage is told at once and not after the seconds that torch takes to load.
    from facelm.model import ModelError
    from facelm.parse import FaceParser

    try:
        return FaceParser(model, device, batch_size, flip)
    except ModelError as error:
        raise typer.BadParameter(str(error)) from None


def read(sources: list[batch.Source]) -> Iterator[tuple[batch.Source, NDArray[np.uint8] | images.ImageError]]:
    """Read picture after picture, with a progress bar; one that cannot be read is named, and the rest go on."""
    with picture_progress() as progress:
        for source in progress.track(sources, description="pictures"):
            try:
                yield source, batch.read(source)
            except images.ImageError as error:
                warn(str(error))
                yield source, error


def process(
    sources: list[batch.Source],
    parser: FaceParser,
    write: Callable[[batch.Source, NDArray[np.uint8], list[Face]], None],
) -> int:
    """Parse and write each picture; returns how many failed."""
    failed = 0
    for source, rgb in read(sources):
        if isinstance(rgb, images.ImageError):
            failed += 1
            continue
        try:
            write(source, rgb, parser.parse(rgb))
        except images.ImageError as error:
            warn(str(error))
            failed += 1
    return failed
