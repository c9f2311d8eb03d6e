"""The command line: it parses options, calls the core, prints, and picks the exit status."""

from __future__ import annotations

import atexit
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from facelm.cli import models, reports
from facelm.cli.options import Folder, Format, Job, takes_job
from facelm.pictures.files import spell

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facelm.landmarks.find import Landmarks
    from facelm.parsing.face import Face
    from facelm.pictures.sources import Source
    from facelm.results.records import PictureRecord
    from facelm.video.watching import SeenFrame


_Refusal: type[Exception] = typer.BadParameter.__bases__[0]
"""Wrong usage of any kind; newer Typer keeps a Click of its own, so the class has no public name."""


class Commands(typer.core.TyperGroup):
    """The commands; what they refuse is shown with the names of files spelled out."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command, and spell the names in what it refuses."""
        try:
            return super().invoke(ctx)
        except _Refusal as error:
            error.message = spell(error.message, but="\n")  # type: ignore[attr-defined]
            raise


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def facelm(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False,
) -> None:
    """Face parsing masks from photographs of people, and facial landmarks from the masks."""
    if version:
        from importlib.metadata import version as installed_version

        print(installed_version("facelm"))
        raise typer.Exit()


@app.command()
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

    suffixes = {".npz": probabilities, ".instances.png": instances, ".mask.png": True}
    wanted = [suffix for suffix, wanted in suffixes.items() if wanted]
    run = Run(job, out, wanted, [crops] if crops else [], ".mask.mkv" if video else "")
    if crops is not None:
        run.keep_apart(crops)
    from facelm import classes
    from facelm.parsing.masks import paste, paste_instances, paste_probabilities, write_probabilities
    from facelm.pictures import files, images
    from facelm.pictures.crops import cut_crop
    from facelm.runs.places import into_folder, into_video

    def write(source: Source, rgb: NDArray[np.uint8], faces: Sequence[Face]) -> None:
        height, width = rgb.shape[:2]
        if probabilities:
            write_probabilities(out / f"{source.stem}.npz", paste_probabilities(faces, height, width))
        mask = paste(faces, height, width)
        if instances:
            images.write_png(out / f"{source.stem}.instances.png", paste_instances(faces, height, width, mask))
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
        write(seen.source(clip), seen.frame.rgb, seen.parsed)

    if video:
        run.finish(write, into_video(out, ".mask.mkv", run.stopped, paste_frame, masks=True))
    run.finish(write, into_folder(out, run.suffixes, run.stopped, write_frame))


@app.command()
@takes_job
def landmarks(
    job: Job,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write; a folder for pts. Default: standard output."),
    ] = None,
    format: Annotated[Format, typer.Option(help="How to write them; pts is a file for each face.")] = Format.jsonl,
    solid: Annotated[bool, typer.Option("--3d", help="Also give the points in 3-D: x, y, z in pixels.")] = False,
    min_confidence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="A point below it counts as not visible.")
    ] = 0.0,
) -> None:
    """Write the 68 landmarks of every face, with confidence, visibility and head pose: a line of JSON a picture."""
    from facelm.cli import screen
    from facelm.cli.run import Run
    from facelm.pictures import files
    from facelm.pictures.texts import UsageError
    from facelm.results import formats

    kind = format.value
    if out is None and kind not in formats.TEXT_FORMATS:
        raise typer.BadParameter(f"--format {kind} does not go to standard output: say where with -o")
    if out is None and sys.stdout is None:
        raise typer.BadParameter("standard output is closed: say where the landmarks go with -o")
    if out is None and job.as_json:
        raise typer.BadParameter("--json: the landmarks go to standard output already; say where to with -o")
    if solid and kind not in formats.SOLID_FORMATS:
        raise typer.BadParameter(f"--3d: --format {kind} holds two dimensions")
    in_folder = kind == "pts"
    run = Run(job, out if in_folder else None, [".pts"] if in_folder else [])
    if out is not None and not in_folder:
        run.go_on(out, kind, solid)
    from facelm.landmarks import learned
    from facelm.results.faces import describe_faces, record_faces
    from facelm.results.records import PictureRecord
    from facelm.runs.places import into_folder, into_records

    learned.prepare()

    def record(source: Source, rgb: NDArray[np.uint8], faces: list[Face]) -> PictureRecord:
        height, width = rgb.shape[:2]
        found = record_faces(faces, height, width, kind == "coco", solid, min_confidence)
        return PictureRecord(source.name, width, height, found, stem=source.stem)

    def record_frame(clip: Source, seen: SeenFrame) -> PictureRecord:
        height, width = seen.frame.rgb.shape[:2]
        tracks = [each.track for each in seen.faces]
        found = describe_faces(
            seen.parsed, seen.landmarks, height, width, kind == "coco", solid, min_confidence, tracks
        )
        stem, frame = seen.source(clip).stem, seen.frame
        return PictureRecord(clip.name, width, height, found, None, stem, frame.number, frame.timestamp)

    def write(source: Source, rgb: NDArray[np.uint8], faces: list[Face]) -> None:
        formats.write_pts(record(source, rgb, faces), out or Path(), job.overwrite)

    def write_frame(clip: Source, seen: SeenFrame) -> None:
        formats.write_pts(record_frame(clip, seen), out or Path())

    if in_folder:
        run.finish(write, into_folder(out or Path(), run.suffixes, run.stopped, write_frame))
    try:
        if out is None:
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
            formats.dump(run.records(record, into_records(record_frame)), kind, sys.stdout, solid)
        else:
            formats.save(run.records(record, into_records(record_frame)), kind, out, solid)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None
    except files.ImageError as error:
        screen.warn(str(error))
        run.tally.failed += 1
    run.exit()


@app.command()
@takes_job
def overlay(
    job: Job,
    out: Folder = Path(),
    opacity: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the mask: 0 is only photo.")] = 0.5,
    no_mask: Annotated[bool, typer.Option("--no-mask", help="Draw only the landmarks.")] = False,
    no_landmarks: Annotated[bool, typer.Option("--no-landmarks", help="Draw only the mask.")] = False,
) -> None:
    """Draw mask and landmarks on each photo, <stem>.overlay.jpg, and each video, <stem>.overlay.mp4."""
    from facelm.cli.run import Run

    run = Run(job, out, [".overlay.jpg"], clip_suffix=".overlay.mp4")
    from facelm.landmarks.find import find_landmarks
    from facelm.parsing.masks import paste
    from facelm.pictures import images
    from facelm.results.overlay import draw_landmarks, draw_mask
    from facelm.runs.places import into_video

    def draw(rgb: NDArray[np.uint8], faces: Sequence[Face], points: Sequence[Landmarks]) -> NDArray[np.uint8]:
        drawn = rgb if no_mask else draw_mask(rgb, paste(faces, *rgb.shape[:2]), opacity)
        return draw_landmarks(drawn, [] if no_landmarks else points)

    def write(source: Source, rgb: NDArray[np.uint8], faces: list[Face]) -> None:
        points = [] if no_landmarks else [find_landmarks(face) for face in faces]
        images.write_jpeg(out / f"{source.stem}.overlay.jpg", draw(rgb, faces, points))

    def draw_frame(seen: SeenFrame) -> NDArray[np.uint8]:
        return draw(seen.frame.rgb, seen.parsed, seen.landmarks)

    run.finish(write, into_video(out, ".overlay.mp4", run.stopped, draw_frame))


for command in (models.train, models.evaluate, models.export, models.bench, reports.classes):
    app.command()(command)


def _crop_name(stem: Path, number: int) -> Path:
    return stem.with_name(f"{stem.name}.{number}.crop.png")


def main() -> None:
    """Run the command line; the console script ``facelm``."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    # NumPy's threads wait for work by running in circles, and its matrices here are too small to be shared.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # OpenVINO does without its converter when that cannot be imported, and is there in half of the time.
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    status = 1  # also of an error that nobody expected
    # The first to be registered is the last to be called: all that is left then is to take the libraries apart, which
    # takes a tenth of a short run, and which the system does at once.
    atexit.register(lambda: os._exit(status))
    try:
        try:
            app()
        finally:
            if sys.stdout is not None:  # None where it is closed, as for some daemons
                sys.stdout.flush()
    except SystemExit as end:
        status = int(end.code or 0)
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        # Standard output is full. Python would try again to write the rest when it ends, so nothing takes it in.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"standard output: cannot be written ({error.strerror})", file=sys.stderr)
        sys.exit(1)
