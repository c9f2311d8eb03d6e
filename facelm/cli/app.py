"""The command line: it parses options, calls the core, prints, and picks the exit status."""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from facelm.cli import measures, models, reports
from facelm.cli.hands import HandsOption, NoFacesOption, check_hands, open_hands
from facelm.cli.landmarks import landmarks
from facelm.cli.live import live
from facelm.cli.options import SOME_FAILED, Folder, Jaw, JawOption, Job, takes_job
from facelm.cli.parse import parse
from facelm.pictures.files import spell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facelm.pictures.sources import Source
    from facelm.runs.batch import Seen
    from facelm.video.watching import SeenFrame


_Refusal: type[Exception] = typer.BadParameter.__bases__[0]
"""Wrong usage of any kind; newer Typer keeps a Click of its own, so the class has no public name."""

_ARENA_MAX = -8  # of glibc's mallopt

_FULL_INSTALL = frozenset(
    {"torch", "torchvision", "segmentation_models_pytorch", "albumentations", "onnx", "onnxscript", "matplotlib"}
)
"""What `requirements/inference.txt` leaves out: for training, GPUs, export and plots."""


class Commands(typer.core.TyperGroup):
    """The commands; wrong usage, or what a slim install lacks, is told in a line with names of files spelled out."""

    def main(self, *given: Any, **options: Any) -> Any:
        """Run the command line, and end the program unless ``standalone_mode`` is off."""
        ends = options.get("standalone_mode", True)
        try:
            status = super().main(*given, **options | {"standalone_mode": False})
        except _Refusal as error:
            if told := _describe(error):
                _tell(told)
            status = error.exit_code  # type: ignore[attr-defined]
        except ModuleNotFoundError as error:
            module = (error.name or "").split(".")[0]
            if module not in _FULL_INSTALL:
                raise
            _tell(f"this needs {module}, which a slim install leaves out: pip install . in the checkout adds it")
            status = SOME_FAILED
        if ends:
            sys.exit(status)
        return status


def _describe(error: Any) -> str:
    """Wrong usage in words, after the command; nothing where its help is shown already."""
    own = isinstance(error, typer.BadParameter) and error.param is None and error.param_hint is None
    told = error.message if own else error.format_message()
    return f"{error.ctx.command_path if error.ctx else 'facelm'}: {told}" if told else ""


def _tell(text: str) -> None:
    if sys.stderr is not None:  # None where it is closed; print would take standard output then
        print(spell(text), file=sys.stderr)


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


app.command()(parse)
app.command()(landmarks)


@app.command()
@takes_job
def overlay(
    job: Job,
    out: Folder = Path(),
    opacity: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the mask: 0 is only photo.")] = 0.5,
    no_mask: Annotated[bool, typer.Option("--no-mask", help="Draw only the landmarks.")] = False,
    no_landmarks: Annotated[bool, typer.Option("--no-landmarks", help="Draw only the mask.")] = False,
    jaw: JawOption = Jaw.outline,
    hands: HandsOption = False,
    no_faces: NoFacesOption = False,
) -> None:
    """Draw mask and landmarks on each photo, <stem>.overlay.jpg, and each video, <stem>.overlay.mp4."""
    from facelm.cli.run import Run
    from facelm.runs.clips import Following

    check_hands(hands, no_faces)
    how = Following(jaw=jaw.value, faces=not no_faces)
    run = Run(job, out, [".overlay.jpg"], clip_suffix=".overlay.mp4", how=how)
    from facelm.landmarks.find import find_landmarks
    from facelm.pictures import images
    from facelm.results.overlay import draw_overlay
    from facelm.runs.places import into_video

    opacity = 0.0 if no_mask else opacity

    if hands:
        open_hands(run)

    def write(source: Source, rgb: NDArray[np.uint8], seen: Seen) -> None:
        points = [] if no_landmarks else [find_landmarks(face, jaw.value) for face in seen.faces]
        drawn = draw_overlay(rgb, seen.faces, points, seen.hands or (), opacity)
        images.write_jpeg(out / f"{source.stem}.overlay.jpg", drawn)

    def draw_frame(seen: SeenFrame) -> NDArray[np.uint8]:
        points = [] if no_landmarks else seen.landmarks
        return draw_overlay(seen.frame.rgb, seen.parsed, points, seen.bare_hands, opacity)

    run.finish(write, into_video(out, ".overlay.mp4", run.stopped, draw_frame))


for command in (live, models.train, measures.evaluate, models.export, measures.bench, reports.report, reports.classes):
    app.command()(command)


def _occupy_closed_streams() -> None:
    """Give closed standard streams to the null device, lest a file that is opened next gets what libraries print."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _quieten() -> None:
    """Let only facelm itself write to standard error: not libtiff and others, which print lines of their own."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]  # names of files are bytes
    if sys.stderr is None or not hasattr(os, "dup2"):
        return
    own = os.dup(2)
    sys.stderr = open(own, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")  # noqa: PTH123, SIM115
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _share_heap() -> None:
    """Let all threads take memory from one heap: glibc gives each its own, which keeps the most that it ever held."""
    with suppress(AttributeError, OSError, TypeError):  # other C libraries have nothing of the kind
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def main() -> None:
    """Run the command line; the console script ``facelm``."""
    if not os.environ.get("COLUMNS", "80").isdecimal() or int(os.environ.get("COLUMNS", "80")) < 1:
        del os.environ["COLUMNS"]  # nothing would be seen
    _occupy_closed_streams()
    _quieten()
    # NumPy's threads wait for work by running in circles, and its matrices here are too small to be shared.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _share_heap()
    status = SOME_FAILED  # also of an error that nobody expected
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
    except (MemoryError, RuntimeError, ImportError, SystemError) as error:
        from facelm.engines.weights import is_shortage

        if not is_shortage(error):
            raise
        told = str(error) if isinstance(error, MemoryError) else ""
        _tell(told or "too little memory, or too few threads, for facelm to run here")
        sys.exit(SOME_FAILED)
    except OSError as error:
        # Where standard output is full, Python would try again to write the rest when it ends: nothing takes it in.
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        what = "standard output: cannot be written"
        if error.filename is not None or error.errno is None:
            what = f"{error.filename or 'a file'}: cannot be read or written"
        _tell(f"{what} ({error.strerror or error or type(error).__name__})")
        sys.exit(SOME_FAILED)
