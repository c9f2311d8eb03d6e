"""Journals: lines of JSON that are kept as they come, so that a run that is killed can be gone on with.

What a run writes to one file for all pictures is there when it is whole. Until then its lines are also in a hidden file
beside it, which goes when the run ends well.
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
        """Keep a line."""
        self._file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
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
            elif (content := beside.read_bytes()) and not content.endswith(b"\n"):
                file.truncate(content.rfind(b"\n") + 1)
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
    """The lines of a file, and then of its journal; a last one that is not whole is left out.

    Raises:
        ValueError: A line is no JSON object.
        OSError: A file cannot be read.
    """
    found = []
    for each in (path, _beside(path)):
        if not files.is_file(each):
            continue
        for text in each.read_text(encoding="utf-8").splitlines(keepends=True):
            if text.endswith("\n"):
                line = parse_json(text)
                if not isinstance(line, dict):
                    raise ValueError("a line is no JSON object")
                found.append(line)
    return found


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
