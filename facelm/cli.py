"""The command line: it parses options, calls the core, prints, and picks the exit status."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facelm.options import BatchOption, DeviceOption, FlipOption, Folder, Format, Job, ModelOption, Norm, takes_job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facelm.face import Face
    from facelm.landmarks import Landmarks
    from facelm.records import PictureRecord
    from facelm.sources import Source

OK, SOME_FAILED = 0, 1

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
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
        raise typer.Exit(OK)


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
        Path | None, typer.Option(help="Also write each face, cut out upright, to this folder: <stem>.<number>.png.")
    ] = None,
    crop_size: Annotated[int, typer.Option(min=16, max=4096, help="Side of the crops, pixels.")] = 512,
) -> None:
    """Write a face parsing mask for each picture: <stem>.mask.png, a palette PNG of class indices."""
    from facelm.session import Run

    suffixes = {".npz": probabilities, ".instances.png": instances, ".mask.png": True}
    run = Run(job, out, [suffix for suffix, wanted in suffixes.items() if wanted], [crops] if crops else [])
    from facelm import align, classes, images
    from facelm.masks import paste, paste_instances, paste_probabilities, write_probabilities

    def write(source: Source, rgb: NDArray[np.uint8], faces: list[Face]) -> None:
        height, width = rgb.shape[:2]
        if probabilities:
            write_probabilities(out / f"{source.stem}.npz", paste_probabilities(faces, height, width))
        if instances:
            images.write_png(out / f"{source.stem}.instances.png", paste_instances(faces, height, width))
        if crops is not None:
            for number, face in enumerate(faces, 1):
                crop = align.cut_crop(rgb, face.transform, crop_size)
                images.write_png(crops / f"{source.stem}.{number}.png", crop)
        images.write_mask(out / f"{source.stem}.mask.png", paste(faces, height, width), classes.palette())

    run.finish(write)


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
    from facelm import console, formats, images
    from facelm.session import Run
    from facelm.sources import UsageError

    kind = format.value
    if out is None and kind not in formats.TEXT_FORMATS:
        raise typer.BadParameter(f"--format {kind} does not go to standard output: say where with -o")
    if out is None and job.as_json:
        raise typer.BadParameter("--json: the landmarks go to standard output already; say where to with -o")
    if solid and kind not in formats.SOLID_FORMATS:
        raise typer.BadParameter(f"--3d: --format {kind} holds two dimensions")
    in_folder = kind == "pts"
    run = Run(job, out if in_folder else None, [".pts"] if in_folder else [])
    if out is not None and not in_folder:
        run.go_on(out, kind, solid)
    from facelm.landmarks import record_faces
    from facelm.records import PictureRecord

    def record(source: Source, rgb: NDArray[np.uint8], faces: list[Face]) -> PictureRecord:
        height, width = rgb.shape[:2]
        found = record_faces(faces, height, width, kind == "coco", solid, min_confidence)
        return PictureRecord(source.name, width, height, found, stem=source.stem)

    try:
        if out is None:
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
            formats.dump(run.records(record), kind, sys.stdout, solid)
        else:
            formats.save(run.records(record), kind, out, solid)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None
    except images.ImageError as error:
        console.warn(str(error))
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
    """Draw mask and landmarks on each photo: <stem>.overlay.jpg."""
    from facelm.session import Run

    run = Run(job, out, [".overlay.jpg"])
    from facelm import images
    from facelm.landmarks import find_landmarks
    from facelm.masks import paste
    from facelm.overlay import draw_landmarks, draw_mask

    def write(source: Source, rgb: NDArray[np.uint8], faces: list[Face]) -> None:
        points: list[Landmarks] = [] if no_landmarks else [find_landmarks(face) for face in faces]
        drawn = rgb if no_mask else draw_mask(rgb, paste(faces, *rgb.shape[:2]), opacity)
        images.write_jpeg(out / f"{source.stem}.overlay.jpg", draw_landmarks(drawn, points))

    run.finish(write)


@app.command()
def evaluate(
    data: Annotated[
        Path,
        typer.Option(help="Folder with images/ + masks/, landmarks68.json, or faces.json; or CelebAMask-HQ."),
    ],
    by: Annotated[
        str | None, typer.Option(help="Break the scores down by this column of a CSV file in the folder.")
    ] = None,
    norm: Annotated[Norm, typer.Option(help="Unit of the landmark error.")] = Norm.interocular,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for scores.json, and confusion.png or reliability.png.")
    ] = None,
    model: ModelOption = "lite",
    device: DeviceOption = "auto",
    batch: BatchOption = 8,
    flip: FlipOption = False,
) -> None:
    """Measure a model: F1 and IoU of masks, NME of landmarks, recall of faces, on pictures with known answers."""
    import json

    from facelm import console, session
    from facelm.curves import draw_confusion, draw_reliability
    from facelm.data import DataError
    from facelm.evaluate import evaluate as measure
    from facelm.evaluate import prepare, to_json
    from facelm.images import ImageError, atomic_path

    try:
        task = prepare(data, by)
    except DataError as error:
        raise typer.BadParameter(str(error)) from None
    parser = session.load(model, device, batch, flip)
    with console.picture_progress() as progress:
        bar = progress.add_task("pictures", total=None)
        found = measure(parser, task, norm.value, lambda done, all_: progress.update(bar, completed=done, total=all_))
    for line in found.failed:
        console.warn(line)
    scores = json.dumps({"data": str(data), "model": model, **to_json(found)}, indent=2)
    try:
        if out:
            with atomic_path(out / "scores.json") as temporary:
                temporary.write_text(scores + "\n")
            if found.report.confusion is not None:
                draw_confusion(found.report.confusion, found.report.names, out / "confusion.png")
            if found.report.landmarks is not None:
                draw_reliability(found.report.landmarks.reliability, out / "reliability.png")
    except ImageError as error:
        console.warn(str(error))
        raise typer.Exit(SOME_FAILED) from None
    if as_json:
        print(scores)
    else:
        console.show_evaluation(found)
    _exit(len(found.failed))


@app.command()
def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="lite, resnet50, or a file that train wrote.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The ONNX file. Default: beside the model, where facelm finds it."),
    ] = None,
) -> None:
    """Write a model as ONNX, for other programs, and for facelm itself, which then runs it faster on the CPU."""
    from facelm import console
    from facelm.export import export as write
    from facelm.images import ImageError
    from facelm.weights import ModelError

    try:
        print(write(model, out))
    except ModelError as error:
        raise typer.BadParameter(str(error)) from None
    except ImageError as error:
        console.warn(str(error))
        raise typer.Exit(SOME_FAILED) from None


@app.command()
def train(
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Folder with images/ + masks/, or CelebAMask-HQ as downloaded. May be repeated."),
    ] = None,
    val: Annotated[
        list[Path] | None,
        typer.Option(help="Folder to validate on; without it a tenth of each --data is held out. May be repeated."),
    ] = None,
    backgrounds: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of photos without people: a third of the samples are scenes pasted on them."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the run: best.safetensors, last.ckpt, history.csv.")] = Path(
        "runs/facelm"
    ),
    encoder: Annotated[str, typer.Option(help="Any encoder of segmentation_models_pytorch.")] = "resnet50",
    init: Annotated[
        Path | None, typer.Option(help="Local start weights: a facelm model, or an encoder's state dict.")
    ] = None,
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Download ImageNet weights to start from.")] = False,
    epochs: Annotated[int, typer.Option(min=1)] = 60,
    size: Annotated[int, typer.Option(min=32, help="Width and height in training, pixels; a multiple of 32.")] = 256,
    batch: Annotated[int, typer.Option(min=1, help="Pictures in a step, of all processes.")] = 16,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run on the CPU.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare pictures.")] = 2,
    device: DeviceOption = "auto",
    resume: Annotated[
        Path | None,
        typer.Option(help="Go on with this run where it stopped; all but --max-minutes is taken from the run."),
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0.1, help="End with a checkpoint before this many minutes are over.")
    ] = None,
) -> None:
    """Train a model on pictures and masks. Ctrl-C ends with a checkpoint; --resume goes on from it.

    On several GPUs: torchrun --nproc-per-node N -m facelm train ...
    """
    if (resume is None) == (not data):
        raise typer.BadParameter("give --data for a new run, or --resume for one that stopped (not both)")
    from facelm import console, distributed
    from facelm.data import DataError
    from facelm.images import ImageError
    from facelm.model import pick_device
    from facelm.train import Run, TrainConfig, TrainError
    from facelm.weights import ModelError

    interrupted = False

    def stop(signum: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signum, signal.SIG_DFL)

    try:
        config = (
            None
            if resume
            else TrainConfig(
                data=_names(data),
                out=str(out),
                val=_names(val),
                backgrounds=_names(backgrounds),
                encoder=encoder,
                init=str(init) if init else None,
                pretrained=pretrained,
                epochs=epochs,
                size=size,
                batch=batch,
                lr=lr,
                seed=seed,
                workers=workers,
                device=device,
            )
        )
    except TrainError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        config = config or TrainConfig.load(resume or out)
        with distributed.joined(pick_device(config.device)):
            leads = distributed.rank() == 0
            with console.TrainingView(leads) as view:
                run = Run(config, resume is not None, view.show, lambda: interrupted)
                for each in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(each, stop)
                finished = run.train(max_minutes)
    except (TrainError, DataError, ImageError, ModelError) as error:
        console.warn(str(error))
        raise typer.Exit(SOME_FAILED) from None
    if leads:
        console.warn(f"{'done' if finished else f'stopped; go on with: facelm train --resume {run.folder}'}")
        print(run.folder / "best.safetensors" if finished else run.folder / "last.ckpt")


def _exit(failed: int) -> None:
    raise typer.Exit(SOME_FAILED if failed else OK)


def _names(paths: list[Path] | None) -> tuple[str, ...]:
    return tuple(str(path) for path in paths or ())


def main() -> None:
    """Run the command line; the console script ``facelm``."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    app()
