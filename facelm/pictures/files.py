"""Files: written whole or not at all, and errors that name them in one line."""

import itertools
import os
import platform
import re
import secrets
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if os.name == "posix":
    import fcntl

_OURS = ".facelm-"
_TEMPORARY = f"{_OURS}{re.sub(r'[^A-Za-z0-9]', '', platform.node())}-"
_DAY = 24 * 60 * 60
_CLEARED: set[str] = set()

_SPELLED = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control and format characters, surrogates, line and paragraph separators."""


class ImageError(Exception):
    """A picture or another file that cannot be read or written; the message is one line, `file: cause`."""


def error_of(name: str | os.PathLike[str], cause: str) -> ImageError:
    """An `ImageError` that stays printable and one line long, whatever characters a file's name has."""
    return ImageError(spell(f"{os.fspath(name)}: {cause}"))


def spell(text: str, but: str = "") -> str:
    r"""A text for a person: what would steer a terminal, break a line or turn the writing is spelled out.

    Args:
        text: With names of files, which may hold any character.
        but: Characters that stay, such as a line break between lines.

    Returns:
        The text with each control character, C1 among them, line separator, mark of direction and byte that is not
        UTF-8 as Python escapes it: a carriage return as ``\r``.
    """
    return "".join(
        character
        if character in but or unicodedata.category(character) not in _SPELLED
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def exists(path: Path) -> bool:
    """Whether there is a file, folder or device; not where its name is too long, or its folder cannot be searched."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def is_file(path: Path) -> bool:
    """Whether there is a file, or a link to one, likewise."""
    return exists(path) and path.is_file()


def unwritable(path: Path, error: OSError) -> ImageError:
    """What is said of a file or folder that cannot be written."""
    in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
    cause = "a file has the name of its folder" if in_the_way else error.strerror or error
    return error_of(path, f"cannot be written ({cause})")


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path to write to, which takes the place of `path` when the with-block ends well.

    Readers of `path` see the old content or the new, never a part. After any exception the temporary file is
    gone and `path` is as it was. Only a regular file is ever replaced. The file's mode is what open() gives a new file.
    What killed processes left unfinished in the folder is removed before the first file is written there.

    Args:
        path: The file to write; its folder is made if missing.

    Yields:
        A path in the same folder, with a hidden name and the same suffix; an empty file is there.

    Raises:
        ImageError: Any OSError in the with-block, in making the folder or in the replacement; also if `path`
            is a folder, a device or a link.
    """
    target = Path(path)
    try:
        check_replaceable(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if str(target.parent) not in _CLEARED:
            _CLEARED.add(str(target.parent))
            _remove_leftovers(target.parent)
        temporary, lock = _open_temporary(target)
        try:
            yield temporary
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
            lock.close()
    except OSError as error:
        raise unwritable(target, error) from error


def check_replaceable(path: Path) -> None:
    """Make sure that nothing but a regular file has a name.

    Raises:
        ImageError: A folder, a device or a link has it: written through, /dev/stdout would be a plain file after that.
        OSError: There cannot be such a name.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            kind = "link" if stat.S_ISLNK(mode) else "folder or device"
            raise error_of(path, f"cannot be written (a {kind} has this name)")


def _open_temporary(target: Path) -> tuple[Path, BinaryIO]:
    """A new temporary file for a target, locked while it is open."""
    while True:
        path = target.with_name(f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}{target.suffix}")
        file = path.open("xb")
        if os.name != "posix":
            file.close()
            return path, file
        with suppress(OSError):  # there are disks without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if exists(path):  # and nobody took it for one that was left, before it was locked
            return path, file
        file.close()


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of killed processes: those of this machine that nobody locks, others after a day."""
    for path in folder.glob(f"{_OURS}*"):
        with suppress(OSError):  # it is another user's, or gone
            old = path.stat().st_mtime < time.time() - _DAY
            if old or (os.name == "posix" and path.name.startswith(_TEMPORARY) and _is_free(path)):
                path.unlink()


def _is_free(path: Path) -> bool:
    """Whether no process writes to a temporary file; numbers of processes differ between containers, locks do not."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def remove_later(name: Callable[[int], Path], count: int) -> None:
    """Remove the files of an earlier run that found more faces.

    Args:
        name: The file of a face, by its number.
        count: Faces that there are now; files are removed from the next one on, to the first that is not there.

    Raises:
        ImageError: A file cannot be removed.
    """
    for number in itertools.count(count + 1):
        try:
            name(number).unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise error_of(name(number), f"cannot be removed ({error.strerror})") from error
