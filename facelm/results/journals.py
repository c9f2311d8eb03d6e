"""Journals: lines of JSON that are kept as they come, so that a run that is killed can be gone on with.

What a run writes to one file for all inputs is there when it is whole. Until then its lines are also in a hidden file
beside it, which goes when the run ends well. An empty line follows those of an input: without it they are not all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from facelm.pictures import files
from facelm.pictures.files import error_of
from facelm.pictures.values import parse_json

if os.name == "posix":
    import fcntl


class Journal:
    """The lines of a run that is on its way.

    Args:
        file: Open to append.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def append(self, line: Mapping[str, Any]) -> None:
        """Keep a line, once `end` tells that it and those before it are all of their input."""
        self._file.write(json.dumps(line, allow_nan=False).encode() + b"\n")

    def end(self) -> None:
        """That was the last line of an input."""
        self._file.write(b"\n")
        self._file.flush()


@contextmanager
def journal_of(path: Path, resume: bool) -> Iterator[Journal]:
    """The journal of a file that is to be written; it is removed when the with-block ends well.

    Args:
        path: The file.
        resume: Keep what an earlier run left.

    Raises:
        facelm.ImageError: It cannot be written, or another run writes it.
    """
    beside = _beside(path)
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        files.check_replaceable(beside)
        with beside.open("ab") as file:
            _lock(file, path)
            if not resume:
                file.truncate(0)
            else:
                file.truncate(len(_whole(beside.read_bytes())))
            try:
                yield Journal(file)
            except BaseException:
                if not file.tell():
                    beside.unlink(missing_ok=True)
                raise
        beside.unlink(missing_ok=True)
    except OSError as error:
        raise files.unwritable(path, error) from error


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file, and then of its journal, as far as they are whole.

    Raises:
        ValueError: A line is no JSON object.
        OSError: A file cannot be read.
    """
    content, journal = (each.read_bytes() if files.is_file(each) else b"" for each in (path, _beside(path)))
    content = content[: content.rfind(b"\n") + 1] + _whole(journal).replace(b"\n\n", b"\n")
    found = []
    for text in content.decode().split("\n")[:-1]:
        line = parse_json(text)
        if not isinstance(line, dict):
            raise ValueError("a line is no JSON object")
        found.append(line)
    return found


def _whole(content: bytes) -> bytes:
    """What a journal has of inputs that were finished."""
    end = content.rfind(b"\n\n")
    return content[: end + 2] if end >= 0 else b""


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")


def _lock(file: BinaryIO, path: Path) -> None:
    if os.name != "posix":
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise error_of(path, "another run is writing it") from None
    except OSError:  # there are disks without locks
        pass
