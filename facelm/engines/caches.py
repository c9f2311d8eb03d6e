"""What OpenVINO compiles of the shipped networks, kept for the next process in a folder of the user's own.

Each network has a folder with what was compiled and a digest of it. What does not match its digest is not read, and is
compiled anew; so is everything where others may write to the cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from platformdirs import user_cache_dir

_DIGEST = "digest"
_UNFINISHED = ".new-"
_DAY = 24 * 60 * 60
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
Compiled = TypeVar("Compiled")


def compile_kept(compile_in: Callable[[str | None], Compiled], key: str) -> Compiled:
    """Compile a network, or take what an earlier process compiled of the same one.

    Args:
        compile_in: Compiles it with OpenVINO's cache in a folder, or without; may raise `RuntimeError`.
        key: What the network is, and how it is to be compiled: in letters that names of files may have.
    """
    try:
        root = _own_folder()
        kept = root / key
        if kept.is_dir() and _read_digest(kept) == _digest(kept):
            return compile_in(str(kept))
        for left in root.glob(f"{_UNFINISHED}*"):
            if left.stat().st_mtime < time.time() - _DAY:
                shutil.rmtree(left, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=root))
    except OSError:  # nothing can be kept there, as in many containers
        return compile_in(None)
    except RuntimeError:  # OpenVINO cannot read what it wrote
        shutil.rmtree(kept, ignore_errors=True)
        return compile_in(None)
    try:
        compiled = compile_in(str(fresh))
    except RuntimeError:  # the disk is full
        shutil.rmtree(fresh, ignore_errors=True)
        return compile_in(None)
    with suppress(OSError):
        (fresh / _DIGEST).write_text(_digest(fresh, key))
        shutil.rmtree(kept, ignore_errors=True)
        fresh.rename(kept)  # where two processes compile at once, the second one's is dropped
    shutil.rmtree(fresh, ignore_errors=True)
    return compiled


def keep_note(key: str, valid: Sequence[str], decide: Callable[[], str]) -> str | None:
    """What was decided once; of several processes that decide at once, the first one's word.

    Args:
        key: What about: in letters that names of files may have.
        valid: What may have been decided.
        decide: Decides, where nobody has.

    Returns:
        None where nothing can be kept; then nothing is decided.
    """
    try:
        place = _own_folder() / f"{key}.way"
        if place.exists():
            if (kept := place.read_text(encoding="ascii", errors="replace")) in valid:
                return kept
            place.unlink()
        descriptor, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=place.parent)
    except OSError:
        return None
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(decide())
        with suppress(FileExistsError):
            os.link(fresh, place)
        return place.read_text(encoding="ascii")
    except OSError:
        return None
    finally:
        fresh.unlink(missing_ok=True)


def _own_folder() -> Path:
    """The cache folder of this user, which nobody else may write to.

    Raises:
        OSError: There is none, and none can be made.
    """
    folder = Path(user_cache_dir("facelm", appauthor=False))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix":
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & _OTHERS_WRITE:
            raise PermissionError(f"{folder}: others may write there")
        folder.chmod(0o700)
    return folder


def _read_digest(folder: Path) -> str:
    return (folder / _DIGEST).read_text(encoding="ascii", errors="replace")


def _digest(folder: Path, key: str = "") -> str:
    """SHA-256 of what is in a folder, and of what it is for."""
    sum_of = hashlib.sha256((key or folder.name).encode())
    for path in sorted(folder.iterdir()):
        if path.name != _DIGEST:
            sum_of.update(f"{path.name} {path.stat().st_size} ".encode())
            with path.open("rb") as file:
                while part := file.read(1 << 20):
                    sum_of.update(part)
    return sum_of.hexdigest()
