"""Files: written whole or not at all, and errors that name them in one line."""

import itertools
import os
import platform
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TEMPORARY = f".facelm-{re.sub(r'[^A-Za-z0-9]', '', platform.node())}-"


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


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path to write to, which takes the place of `path` when the with-block ends well.

    Readers of `path` see the old content or the new, never a part. After any exception the temporary file is
    gone and `path` is as it was. The file's mode is what open() gives a new file.

    Args:
        path: The file to write; its folder is made if missing.

    Yields:
        A path in the same folder, with a hidden name and the same suffix; nothing is there yet.

    Raises:
        ImageError: Any OSError in the with-block, in making the folder or in the replacement; also if `path`
            is a folder or a device.
    """
    target = Path(path)
    temporary = target.with_name(f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(6)}{target.suffix}")
    try:
        # A device such as /dev/null would be replaced by a plain file, if the user may do that.
        if target.exists() and not target.is_file():
            raise error_of(target, "cannot be written (a folder or device has this name)")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise error_of(target, "cannot be written (a file has the name of its folder)") from error
    except OSError as error:
        raise error_of(target, f"cannot be written ({error.strerror or error})") from error


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that runs on this machine left in a folder when they were killed."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        number = path.name.removeprefix(_TEMPORARY).split("-")[0]
        if number.isdecimal() and not _is_running(int(number)):
            with suppress(OSError):  # it is another user's
                path.unlink()


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


def _is_running(process: int) -> bool:
    """Whether there is a process of a number; where that cannot be asked, it is taken for running."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
