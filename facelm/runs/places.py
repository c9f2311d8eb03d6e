"""Where the results of a clip go: records, a folder of files for its frames, or a video."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facelm.pictures.files import exists, unwritable
from facelm.pictures.sources import Source
from facelm.pictures.texts import UsageError
from facelm.runs.batch import Result
from facelm.runs.clips import Finish
from facelm.video.clips import Clip
from facelm.video.watching import SeenFrame


def into_records(record: Callable[[Source, SeenFrame], Result]) -> Finish[Result]:
    """Give on what ``record`` makes of a clip and each of its frames."""

    @contextmanager
    def finish(source: Source, clip: Clip) -> Iterator[Callable[[SeenFrame], Result]]:
        yield partial(record, source)

    return finish


def into_folder(
    out: Path, suffixes: Sequence[str], stopped: Callable[[], bool], write: Callable[[Source, SeenFrame], None]
) -> Finish[None]:
    """Write files for each frame of a clip: ``<out>/<stem>/<frame, six digits><suffix>``.

    Args:
        out: Folder of all results.
        suffixes: Of the files that are written, such as ``.mask.png``.
        stopped: Whether the clip was left before its end.
        write: Called with the clip and each frame.
    """

    @contextmanager
    def finish(source: Source, clip: Clip) -> Iterator[Callable[[SeenFrame], None]]:
        with _fill(out / source.stem, suffixes, stopped):
            yield partial(write, source)

    return finish


def into_video(
    out: Path,
    suffix: str,
    stopped: Callable[[], bool],
    draw: Callable[[SeenFrame], NDArray[np.uint8]],
    masks: bool = False,
) -> Finish[None]:
    """Write a video of each clip: ``<out>/<stem><suffix>``.

    Args:
        out: Folder of all results.
        suffix: Such as ``.overlay.mp4``.
        stopped: Whether the clip was left before its end.
        draw: Makes the picture of a frame.
        masks: See `facelm.video.writing.write_video`.
    """

    @contextmanager
    def finish(source: Source, clip: Clip) -> Iterator[Callable[[SeenFrame], None]]:
        from facelm.video.writing import write_video

        path = out / f"{source.stem}{suffix}"
        with _mark(path, stopped), write_video(path, clip, masks) as writer:
            yield lambda seen: writer.write(seen.frame, draw(seen))

    return finish


def unfinished(path: Path) -> Path:
    """What lies beside the results of a clip until all of them are there: ``--skip-existing`` does it again."""
    return path.with_name(f".{path.name}.unfinished")


def are_whole(paths: Sequence[Path], folder: bool) -> bool:
    """Whether all results of a picture or clip are there: files, or a folder, and no mark that they are unfinished."""
    there = (path.is_dir() if folder else path.is_file() for path in paths if exists(path))
    return sum(there) == len(paths) and not exists(unfinished(paths[0]))


def check_distinct(sources: Sequence[Source], *files: Path | None) -> None:
    """Make sure that files which hold what is about all pictures are none of the inputs, and each another one.

    Raises:
        UsageError: Two have one name.
    """
    taken = {os.path.realpath(source.path) for source in sources if source.path}
    for path in filter(None, files):
        if (name := os.path.realpath(path)) in taken:
            raise UsageError(f"{path}: cannot be written, for it is an input or another output as well")
        taken.add(name)


@contextmanager
def _mark(path: Path, stopped: Callable[[], bool]) -> Iterator[None]:
    """While the results of a clip are written to a path, a file or a folder.

    Raises:
        facelm.ImageError: Nothing can be written there.
    """
    beside = unfinished(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.touch()
        yield
        if not stopped():
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        if not exists(path):
            beside.unlink(missing_ok=True)


@contextmanager
def _fill(folder: Path, suffixes: Sequence[str], stopped: Callable[[], bool]) -> Iterator[None]:
    """While the files of a clip's frames are written to a folder; those of an earlier run are removed first.

    Args:
        folder: Is made if missing.
        suffixes: Of the files, such as ``.mask.png``.
        stopped: Whether the clip was left before its end.

    Raises:
        facelm.ImageError: The folder cannot be written to.
    """
    with _mark(folder, stopped):
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if path.name[:6].isdecimal() and path.name[6:].endswith(tuple(suffixes)):
                path.unlink()
        yield
