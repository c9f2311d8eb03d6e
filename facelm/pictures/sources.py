"""Which pictures a command gets from files, folders, globs and standard input: each once, in fixed order."""

from __future__ import annotations

import os
import re
import select
import stat
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facelm.pictures import images
from facelm.pictures.files import error_of
from facelm.pictures.images import PICTURE_SUFFIXES
from facelm.pictures.kinds import LEFT_OUT
from facelm.pictures.motion import CLIP_SUFFIXES
from facelm.pictures.room import MAX_BYTES, check_length
from facelm.pictures.texts import UsageError

OWN_SUFFIXES = (
    ".mask.png", ".instances.png", ".regions.png", ".alpha.png", ".hands.png", ".overlay.jpg", ".crop.png",
    ".overlay.mp4", ".mask.mkv",
)  # fmt: skip
"""What facelm writes. Folders and globs leave these out, lest a second run take the first one's results; a glob that
ends with one of them, or a file that is named, is taken."""

_PATIENCE = 200  # milliseconds
_MAGIC = re.compile(r"[*?\[]")
_NUMBERED = re.compile(r"(.+)\.([2-9]|[1-9]\d+)")


@dataclass(frozen=True)
class Source:
    """One picture to read.

    Attributes:
        path: None is standard input.
        name: What the user calls it, and JSON calls ``image``: the path as given, or the folder as given
            and the path inside it; ``-`` for standard input.
        stem: Output path without suffix, relative to the output folder, with forward slashes.
        max_pixels: Most pixels that the picture may have; None is as `facelm.read` has it.
    """

    path: Path | None
    name: str
    stem: str
    max_pixels: int | None = None


def read(source: Source, stopped: Callable[[], bool] = lambda: False) -> NDArray[np.uint8]:
    """The picture of a source: RGB (H, W, 3) uint8, upright.

    Args:
        source: What to read.
        stopped: Asked while a pipe has nothing to give, which may be forever.

    Raises:
        facelm.ImageError: It cannot be read.
    """
    name = "standard input" if source.path is None else os.fspath(source.path)
    if source.path is None:
        try:
            if sys.stdin is None:
                raise error_of(name, "is closed")
            return images.decode(_read_pipe(sys.stdin.fileno(), name, stopped), name, source.max_pixels)
        except (OSError, ValueError):  # it is no file, or one that does not wait
            return images.decode(check_length(sys.stdin.buffer.read(MAX_BYTES + 1), name), name, source.max_pixels)
    if not stat.S_ISFIFO(_mode(source.path)):
        return images.read(source.path, source.max_pixels)
    try:
        pipe = os.open(source.path, os.O_RDONLY | os.O_NONBLOCK)  # otherwise it waits for a writer
    except OSError as error:
        raise error_of(name, f"cannot be read ({error.strerror})") from error
    try:
        return images.decode(_read_pipe(pipe, name, stopped), name, source.max_pixels)
    finally:
        os.close(pipe)


def _read_pipe(pipe: int, name: str, stopped: Callable[[], bool]) -> bytes:
    """All that comes through a pipe.

    Raises:
        facelm.ImageError: It was stopped.
        OSError: It is something else that cannot be waited for.
    """
    waiting = select.poll() if hasattr(select, "poll") else None
    if waiting is None:
        raise OSError("this system waits for no pipe")
    waiting.register(pipe, select.POLLIN)
    parts: list[bytes] = []
    while True:
        if not waiting.poll(_PATIENCE):
            if stopped():
                raise error_of(name, "stopped before all of it came")
            continue
        part = os.read(pipe, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
        if sum(map(len, parts)) > MAX_BYTES:
            check_length(None, name)


def find(
    inputs: Sequence[str],
    results: Sequence[Path] = (),
    clips: bool = False,
    left_out: Callable[[Path], None] = lambda path: None,
) -> list[Source]:
    """The pictures that the inputs stand for, in the order given and sorted within a folder or glob.

    A file is taken whatever its suffix, and also when it is missing: it fails when it is read, and the rest
    go on. So does a folder that may not be opened. Folders and globs give files with a picture's suffix,
    without hidden ones, facelm's own, pipes and devices; they do not follow links to folders, except where a
    single ``*`` of a glob names one. A folder without a picture gives nothing; a glob is then a file
    that is missing, beside others. A file that two inputs name is taken once, as the first of them calls it.

    Args:
        inputs: Each a file, a folder, a glob (unless a file has that very name), or ``-``.
        results: Folders that results are written to; those inside of an input folder are not searched.
        clips: Folders and globs give clips as well.
        left_out: Called with each file of a folder or glob that looks like a picture or video of a kind that is not
            read.

    Raises:
        UsageError: An input is empty, or ``-`` is there twice.
    """
    if "" in inputs:
        raise UsageError("an input is an empty string")
    if inputs.count("-") > 1:
        raise UsageError("standard input (-) can be read only once")
    sources: dict[str, Source] = {}
    unmatched: set[Source] = set()
    closed = frozenset(os.path.realpath(path) for path in results)
    wanted = PICTURE_SUFFIXES | CLIP_SUFFIXES if clips else PICTURE_SUFFIXES
    for text in inputs:
        expanded = list(_expand(text, closed, wanted | LEFT_OUT.keys()))
        if not expanded and _MAGIC.search(text) and not _mode(Path(text)):
            expanded = [Source(Path(text), text, Path(text).stem)]
            unmatched.update(expanded)
        for source in expanded:
            if source.path and source.path.suffix.lower() in LEFT_OUT and source.name != text:
                left_out(source.path)
                continue
            # A link to a picture is a picture of its own, as its result is. Unlike Path.resolve, realpath does not
            # raise when links lead in a circle.
            key = "-" if source.path is None else f"{os.path.realpath(source.path.parent)}/{source.path.name}"
            sources.setdefault(key, source)
    return [] if unmatched.issuperset(sources.values()) else list(sources.values())


def common_folder(inputs: Sequence[str]) -> Path | None:
    """The folder that all inputs lie in: a folder itself, else that of a file or of a glob's fixed part.

    Returns:
        None where there is none, as of standard input alone, or of inputs on several disks.
    """
    folders = []
    for path in (Path(text) for text in inputs if text != "-"):
        mode = _mode(path)
        is_glob = not mode and _MAGIC.search(str(path))
        folders.append(path if stat.S_ISDIR(mode) else _split(path)[0] if is_glob else path.parent)
    try:
        return Path(os.path.commonpath([os.path.abspath(folder) for folder in folders]))  # noqa: PTH100  # keeps links
    except ValueError:
        return None


def check_outputs(sources: Sequence[Source], suffixes: Sequence[str]) -> None:
    """Make sure that every picture has output files of its own.

    Names that differ only in case or Unicode form count as one file, as they are on the disks of Macs and
    Windows. With ``.pts``, ``a.2`` and ``a`` clash as well, for ``a.2.pts`` is the second face of ``a``.

    Args:
        sources: From :func:`find`.
        suffixes: Of all files written for a picture, such as ``.mask.png``.

    Raises:
        UsageError: Two sources would write the same file; the message names both.
    """
    writers: dict[str, Source] = {}
    for source in sources:
        for suffix in suffixes:
            output = source.stem + suffix
            other = writers.setdefault(_folded(output), source)
            if other is not source:
                raise UsageError(f"{other.name} and {source.name} would both write {output}")
    if ".pts" not in suffixes:
        return
    for source in sources:
        numbered = _NUMBERED.fullmatch(source.stem)
        if numbered and (first := writers.get(_folded(numbered[1] + ".pts"))):
            raise UsageError(f"{first.name} and {source.name} could both write {source.stem}.pts")


def _folded(output: str) -> str:
    return unicodedata.normalize("NFC", output).lower()


def _expand(text: str, closed: frozenset[str], suffixes: frozenset[str]) -> Iterator[Source]:
    """The sources of one input."""
    if text == "-":
        yield Source(None, "-", "stdin")
        return
    path = Path(text)
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        yield from (_inside(path, found) for found in sorted(_walk(path, closed, suffixes)))
    elif not mode and _MAGIC.search(text):
        folder, pattern = _split(path)
        yield from (_inside(folder, found) for found in sorted(_glob(folder, pattern, suffixes)))
    else:
        yield Source(path, text, path.stem)


def _mode(path: Path) -> int:
    """What kind of file it is, for ``stat``; 0 when there is none, or none that may be looked at."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _inside(folder: Path, path: Path) -> Source:
    below = path.relative_to(folder) if path != folder else Path(folder.name or "folder")
    return Source(path, path.as_posix(), below.with_suffix("").as_posix())


def _walk(folder: Path, results: frozenset[str], suffixes: frozenset[str]) -> Iterator[Path]:
    """The pictures in a folder and its sub folders, and the folders that cannot be opened."""
    closed: list[OSError] = []
    for here, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [
            name for name in folders if not name.startswith(".") and os.path.realpath(Path(here, name)) not in results
        ]
        yield from (path for name in files if is_wanted(name, suffixes) and _may_be_read(path := Path(here, name)))
    yield from (Path(error.filename) for error in closed)


def _split(path: Path) -> tuple[Path, list[str]]:
    """A glob's fixed leading folder, and the parts of the pattern below it."""
    parts = path.parts
    fixed = next(number for number, part in enumerate(parts) if _MAGIC.search(part))
    return Path(*parts[:fixed]), list(parts[fixed:])


def _glob(folder: Path, pattern: list[str], suffixes: frozenset[str]) -> Iterator[Path]:
    """The pictures below a folder that match the parts of a pattern."""
    # pathlib before Python 3.13 refuses "**.jpg", and finds only folders for a "**" at the end.
    parts = [part if part == "**" else re.sub(r"\*+", "*", part) for part in pattern]
    if parts[-1] == "**":
        parts.append("*")
    own = parts[-1].lower().endswith(OWN_SUFFIXES)
    for path in folder.glob("/".join(parts)):
        below = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in below)
        if not hidden and is_wanted(path.name, suffixes, own) and _may_be_read(path):
            yield path


def _may_be_read(path: Path) -> bool:
    """Whether it is a file, or something of which only reading tells what is wrong; a pipe or device may never end."""
    mode = _mode(path)
    return not mode or stat.S_ISREG(mode)


def is_wanted(name: str, suffixes: frozenset[str] = PICTURE_SUFFIXES, own: bool = False) -> bool:
    """Whether a walk takes a file by its name; with ``own`` also one that facelm wrote."""
    lower = name.lower()
    if lower.startswith(".") or (lower.endswith(OWN_SUFFIXES) and not own):
        return False
    return Path(lower).suffix in suffixes
