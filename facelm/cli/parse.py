"""The command that writes masks."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facelm.cli.hands import open_hands
from facelm.cli.options import Folder, Job, refuse_overwriting, takes_job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facelm.cli.run import Run
    from facelm.pictures.sources import Source
    from facelm.video.watching import SeenFrame


@takes_job
def parse(
    job: Job,
    out: Folder = Path(),
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write the class probabilities, as <stem>.npz.")
    ] = False,
    instances: Annotated[
        bool,
        typer.Option("--instances", help="Also write which face each pixel belongs to, as <stem>.instances.png."),
    ] = False,
    regions: Annotated[
        bool,
        typer.Option("--regions", help="Also divide skin into forehead, cheeks, chin and so on: <stem>.regions.png."),
    ] = False,
    hands: Annotated[bool, typer.Option("--hands", help="Also write where hands are, as <stem>.hands.png.")] = False,
    alpha: Annotated[
        str,
        typer.Option(help="Also cut out these classes with soft edges, <stem>.alpha.png: head, or skin,hair,..."),
    ] = "",
    crops: Annotated[
        Path | None,
        typer.Option(help="Also cut out each face, upright, into this folder: <stem>.<number>.crop.png"),
    ] = None,
    crop_size: Annotated[int, typer.Option(min=16, max=4096, help="Side of the crops, pixels.")] = 512,
    video: Annotated[
        bool, typer.Option("--video", help="The masks of a video in one file, <stem>.mask.mkv: grey, without loss.")
    ] = False,
) -> None:
    """Write a face parsing mask for each picture: <stem>.mask.png, a palette PNG of class indices.

    Of a video there is one for each frame: <stem>/<frame, six digits>.mask.png.

    `facelm classes` shows which class each index stands for.
    """
    from facelm.cli.run import Run
    from facelm.parsing.masks import PROBABILITIES_WEIGHT

    cut_out = _class_indices(alpha) if alpha else []
    suffixes = {
        ".npz": probabilities,
        ".instances.png": instances,
        ".regions.png": regions,
        ".alpha.png": bool(alpha),
        ".hands.png": hands,
        ".mask.png": True,
    }
    wanted = [suffix for suffix, wanted in suffixes.items() if wanted]
    weight = PROBABILITIES_WEIGHT if probabilities else 1.0
    run = Run(job, out, wanted, [crops] if crops else [], ".mask.mkv" if video else "", weight=weight)
    if crops is not None:
        _keep_apart(run, crops)
    import numpy as np

    from facelm import classes
    from facelm.landmarks.regions import paste_regions
    from facelm.parsing.masks import (
        paste,
        paste_instances,
        paste_opacity,
        paste_probabilities,
        write_probabilities,
    )
    from facelm.pictures import files, images
    from facelm.pictures.crops import cut_crop
    from facelm.runs.batch import Seen
    from facelm.runs.places import into_folder, into_video

    if hands:
        open_hands(run)

    def write(source: Source, rgb: NDArray[np.uint8], seen: Seen) -> None:
        faces = seen.faces
        height, width = rgb.shape[:2]
        if seen.hands is not None:
            from facelm.hands.masks import paste_hands

            hands_mask = paste_hands(seen.hands, height, width)
            images.write_mask(out / f"{source.stem}.hands.png", hands_mask, classes.palette())
        if probabilities:
            write_probabilities(out / f"{source.stem}.npz", paste_probabilities(faces, height, width))
        mask = paste(faces, height, width)
        owner = paste_instances(faces, height, width, mask) if instances or regions else None
        if instances and owner is not None:
            images.write_png(out / f"{source.stem}.instances.png", owner)
        if regions and owner is not None:
            divided = paste_regions(faces, mask, owner)
            images.write_mask(out / f"{source.stem}.regions.png", divided, classes.palette())
        if cut_out:
            opacity = paste_opacity(faces, height, width, cut_out, mask if alpha == "head" else None)
            images.write_png(out / f"{source.stem}.alpha.png", np.dstack([rgb, opacity]))
        if crops is not None:
            names = partial(_crop_name, crops / source.stem)
            for number, face in enumerate(faces, 1):
                images.write_png(names(number), cut_crop(rgb, face.transform, crop_size))
            if job.overwrite:
                files.remove_later(names, len(faces))
        images.write_mask(out / f"{source.stem}.mask.png", mask, classes.palette())

    def paste_frame(seen: SeenFrame) -> NDArray[np.uint8]:
        return paste(seen.parsed, *seen.frame.rgb.shape[:2])

    def write_frame(clip: Source, seen: SeenFrame) -> None:
        write(seen.source(clip), seen.frame.rgb, Seen(seen.parsed, seen.bare_hands if hands else None))

    if video:
        run.finish(write, into_video(out, ".mask.mkv", run.stopped, paste_frame, masks=True))
    run.finish(write, into_folder(out, run.suffixes, run.stopped, write_frame))


def _class_indices(names: str) -> list[int]:
    """The classes that ``--alpha`` names."""
    from facelm import classes

    try:
        return classes.indices(*(classes.HEAD if names == "head" else names.split(",")))
    except KeyError as error:
        known = ", ".join(classes.NAMES[1:])
        raise typer.BadParameter(f"--alpha: no class {error.args[0]}; there are head, {known}") from None


def _crop_name(stem: Path, number: int) -> Path:
    return stem.with_name(f"{stem.name}.{number}.crop.png")


def _keep_apart(run: Run, folder: Path) -> None:
    """Refuse a folder for crops that holds pictures of the run, or crops of an earlier one."""
    from facelm.pictures.files import exists

    inputs = {os.path.realpath(source.path.parent) for source in run.sources if source.path}
    for source in run.sources:
        first = folder / f"{source.stem}.1.crop.png"
        if os.path.realpath(first.parent) in inputs:
            raise typer.BadParameter(f"--crops {folder}: there are pictures to parse; give crops another folder")
        if exists(first) and not (run.job.overwrite or run.job.skip_existing):
            refuse_overwriting(first)
