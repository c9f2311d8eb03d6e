"""The command line: it parses options, calls the core, prints, and picks the exit status."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from facelm import console

OK, SOME_FAILED, WRONG_USAGE, NOTHING_TO_DO = 0, 1, 2, 3

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


DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps; auto takes the fastest that is there.")]


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
        typer.Option(help="Folder of photos without people: every second sample is a scene pasted on one."),
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
    batch: Annotated[int, typer.Option(min=1, help="Pictures in a step.")] = 16,
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
    """Train a model on pictures and masks. Ctrl-C ends with a checkpoint; --resume goes on from it."""
    if (resume is None) == (not data):
        raise typer.BadParameter("give --data for a new run, or --resume for one that stopped (not both)")
    from facelm.data import DataError
    from facelm.images import ImageError
    from facelm.model import ModelError
    from facelm.train import Run, TrainConfig, TrainError

    interrupted = False

    def stop(signum: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    try:
        config = TrainConfig.load(resume) if resume else TrainConfig(
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
        with console.TrainingView() as view:
            run = Run(config, resume is not None, view.show, lambda: interrupted)
            signal.signal(signal.SIGINT, stop)
            finished = run.train(max_minutes)
    except (TrainError, DataError, ImageError, ModelError) as error:
        console.warn(str(error))
        raise typer.Exit(SOME_FAILED) from None
    console.warn(f"{'done' if finished else f'stopped; go on with: facelm train --resume {run.folder}'}")
    print(run.folder / "best.safetensors" if finished else run.folder / "last.ckpt")


def _names(paths: list[Path] | None) -> tuple[str, ...]:
    return tuple(str(path) for path in paths or ())


def main() -> None:
    """Run the command line; the console script ``facelm``."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    app()
