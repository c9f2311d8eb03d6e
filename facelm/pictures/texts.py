"""Texts that other programs wrote: in whichever encoding their first bytes tell, and lists of inputs."""

from __future__ import annotations

import codecs
import os
import re
import sys
from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class UsageError(ValueError):
    """The inputs cannot be used together, whatever is in the files."""


def decode(data: bytes) -> str | None:
    """The text behind a byte order mark of UTF-8, UTF-16 or UTF-32; None where there is no mark.

    Raises:
        ValueError: The bytes are not what the mark says.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    return None


def read_text(path: Path) -> str:
    """The text of a file, in the encoding that its byte order mark tells, or UTF-8.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not text of that encoding.
    """
    data = path.read_bytes()
    text = decode(data)
    return data.decode("utf-8") if text is None else text


def read_list(path: Path) -> list[str]:
    """The inputs that a file names: one on each line, or with NUL between them, as ``find -print0`` writes.

    Args:
        path: The file; ``-`` is standard input. UTF-16, as PowerShell writes it, is known by its byte order mark.

    Raises:
        UsageError: It cannot be read, or is no list: nothing is guessed, for what is not written in a list is not to
            be read.
    """
    try:
        if str(path) == "-" and sys.stdin is None:
            raise UsageError("standard input is closed")
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        text = decode(data)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{path}: not the encoding that its first bytes tell ({error})") from error
    if text is None:
        text = os.fsdecode(data)
    if "\0" not in text:
        return [name for name in _LINE_BREAK.split(text) if name]
    names = [name for name in text.split("\0") if name]
    if _LINE_BREAK.search(text) or 2 * sum(len(name) == 1 for name in names) > len(names) > 1:
        wanted = "wanted is a name on each line, or NUL between the names and no line breaks"
        raise UsageError(f"{path}: not a list of inputs, or UTF-16 without a byte order mark; {wanted}")
    return names
