"""The commands that make models: train one, export it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from facelm.cli.options import SOME_FAILED, ClassesOption, DeviceOption, check_finite, refuse_overwriting


def train(
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Folder with images/ + masks/, or CelebAMask-HQ as downloaded. May be repeated."),
    ] = None,
    val: Annotated[
        list[Path] | None,
        typer.Option(help="Folder to validate on; without it a tenth of each --data is held out. May be repeated."),
    ] = None,
    class_order: ClassesOption = None,
    out: Annotated[Path, typer.Option(help="Folder of the run: best.safetensors, last.ckpt, history.csv.")] = Path(
        "runs/facelm"
    ),
    encoder: Annotated[str, typer.Option(help="Any encoder of segmentation_models_pytorch.")] = "resnet50",
    init: Annotated[
        Path | None, typer.Option(help="Local start weights: a facelm model, or an encoder's state dict.")
    ] = None,
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Download ImageNet weights to start from.")] = False,
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            help="Model to learn from: tiny, lite, resnet50, or a file that train wrote. Of several, the mean."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training data.")] = 60,
    size: Annotated[int, typer.Option(min=32, help="Width and height in training, pixels; a multiple of 32.")] = 256,
    batch: Annotated[int, typer.Option(min=1, help="Pictures in a step, of all processes.")] = 16,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run on the CPU.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare pictures.")] = 2,
    patience: Annotated[
        int | None, typer.Option(min=1, help="End after so many epochs without a better mean F1. Default: never.")
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write losses and scores for TensorBoard, into the run's folder.")
    ] = False,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="Only write preview.jpg, a sheet of augmented samples and masks, into --out."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --preview: write over a sheet that is there.")
    ] = False,
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
    check_finite({"lr": lr, "max_minutes": max_minutes})
    if (resume is None) == (not data):
        raise typer.BadParameter("give --data for a new run, or --resume for one that stopped (not both)")
    if overwrite and not preview:
        raise typer.BadParameter("--overwrite is for --preview; a run goes on with --resume, or into another --out")
    from facelm.cli import screen
    from facelm.engines.devices import pick_device
    from facelm.engines.weights import ModelError
    from facelm.pictures.files import ImageError, exists
    from facelm.training import distributed
    from facelm.training.config import TrainConfig, TrainError
    from facelm.training.data import DataError
    from facelm.training.preview import draw_preview
    from facelm.training.train import Run

    sheet = (resume or out) / "preview.jpg"
    if preview and exists(sheet) and not overwrite:
        refuse_overwriting(sheet, can_skip=False)
    interrupted = 0

    def stop(signum: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = signum
        signal.signal(signum, signal.SIG_DFL)

    try:
        config = (
            None
            if resume
            else TrainConfig(
                data=_names(data),
                out=str(out),
                val=_names(val),
                classes=class_order,
                encoder=encoder,
                init=str(init) if init else None,
                pretrained=pretrained,
                teacher=tuple(teacher or ()),
                epochs=epochs,
                size=size,
                batch=batch,
                lr=lr,
                seed=seed,
                workers=workers,
                patience=patience,
                tensorboard=tensorboard,
                device=device,
            )
        )
    except TrainError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        config = config or TrainConfig.load(resume or out)
        if preview:
            draw_preview(config, sheet)
            print(sheet)
            return
        with distributed.joined(pick_device(config.device)):
            leads = distributed.rank() == 0
            with screen.TrainingView(leads) as view:
                run = Run(config, resume is not None, view.show, lambda: interrupted > 0)
                for each in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(each, stop)
                finished = run.train(max_minutes)
    except (TrainError, DataError, ImageError, ModelError) as error:
        screen.warn(str(error))
        raise typer.Exit(SOME_FAILED) from None
    if leads:
        screen.warn(f"{'done' if finished else f'stopped; go on with: facelm train --resume {run.folder}'}")
        print(run.folder / "best.safetensors" if finished else run.folder / "last.ckpt")
    if interrupted and not finished:
        raise typer.Exit(128 + interrupted)


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="tiny, lite, resnet50, or a file that train wrote.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The ONNX file. Default: beside the model, where facelm finds it."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a file that is there.")] = False,
) -> None:
    """Write a model as ONNX, for other programs, and for facelm itself, which then runs it faster on the CPU."""
    from facelm.cli import screen
    from facelm.engines.export import export as write
    from facelm.engines.weights import ModelError
    from facelm.pictures.files import ImageError

    try:
        print(write(model, out, overwrite))
    except ModelError as error:
        raise typer.BadParameter(str(error)) from None
    except ImageError as error:
        screen.warn(str(error))
        raise typer.Exit(SOME_FAILED) from None


def _names(paths: list[Path] | None) -> tuple[str, ...]:
    return tuple(str(path) for path in paths or ())
