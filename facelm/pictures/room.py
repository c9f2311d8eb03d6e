"""Room: how much memory the pictures in hand may take, over all threads, and how large a file may be."""

from __future__ import annotations

import math
import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facelm.pictures.files import error_of

MAX_BYTES = 2_000_000_000
"""Most bytes that a file which is read may have: a TIFF of the most pixels and sixteen bits has fewer."""

BYTES_A_PIXEL = 30
"""From the decoded picture to the encoded result, at their most."""

_SHARE = 0.5  # of the memory that there is, for several pictures
_CGROUPS, _OWN_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


class Room:
    """Pixels that may be in hand at once.

    Args:
        together: How many of several pictures.
        alone: How many of one.
    """

    def __init__(self, together: int, alone: int) -> None:
        self.together, self.alone = together, alone
        self._change = threading.Condition()
        self._held: dict[int, int] = {}
        self._weights: dict[int, float] = {}
        self._waiting: list[int] = []

    @contextmanager
    def share(self, weight: float = 1.0) -> Iterator[None]:
        """Give back at the end what this thread takes meanwhile.

        Args:
            weight: How many times as much memory as usual each pixel will need.
        """
        own = threading.get_ident()
        with self._change:
            self._held[own], self._weights[own] = 0, weight
        try:
            yield
        finally:
            with self._change:
                del self._held[own], self._weights[own]
                self._change.notify_all()

    def divide(self, count: int) -> None:
        """Leave room for as many processes on this machine, of which this is one; a picture alone has what it had."""
        self.together //= count

    def take(self, pixels: int) -> None:
        """Wait until there is room for a picture; outside of `share` there is.

        Of those that all wait for each other the first goes on.

        Raises:
            MemoryError: There is never as much.
        """
        own = threading.get_ident()
        weight = self._weights.get(own, 1.0)
        if pixels * weight > self.alone:
            raise MemoryError(f"there is memory for {int(self.alone / weight):,} pixels")
        if own not in self._held:
            return
        with self._change:
            self._waiting.append(own)
            self._change.notify_all()
            self._change.wait_for(lambda: self._may_take(own, pixels * weight))
            self._waiting.remove(own)
            self._held[own] += math.ceil(pixels * weight)

    def _may_take(self, own: int, wanted: float) -> bool:
        if sum(self._held.values()) + wanted <= self.together:
            return True
        holding = {thread for thread, held in self._held.items() if held and thread != own}
        return holding <= set(self._waiting) and self._waiting[0] == own


def find_memory() -> int:
    """Bytes of memory that this process may use, as far as the system tells."""
    found = [_physical()]
    for path in _limits():
        try:
            found.append(int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    if sys.platform != "win32":
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        found += [] if limit == resource.RLIM_INFINITY else [limit]
    return min(found)


def _limits() -> Iterator[Path]:
    """Where the limits of this process's control groups and of those above them stand, as Linux has them, v2 and v1."""
    try:
        lines = os.fsdecode(_OWN_CGROUPS.read_bytes()).splitlines()
    except OSError:
        return
    for _, controllers, name in (line.split(":", 2) for line in lines):
        group = Path(name.lstrip("/"))
        for each in (group, *group.parents):
            if not controllers:
                yield _CGROUPS / each / "memory.max"
            elif "memory" in controllers.split(","):
                yield _CGROUPS / "memory" / each / "memory.limit_in_bytes"


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no such thing
        return 1 << 34


_PIXELS = find_memory() // BYTES_A_PIXEL
ROOM = Room(int(_SHARE * _PIXELS), _PIXELS)
"""Of this process."""


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a file.

    Raises:
        facelm.ImageError: There is none; the message says why.
        MemoryError: There is no room for it.
    """
    try:
        found = Path(path).stat()
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise error_of(path, "is a device, not a picture")
        ROOM.take(min(found.st_size, MAX_BYTES) // BYTES_A_PIXEL)
        with Path(path).open("rb") as file:
            return check_length(file.read(MAX_BYTES + 1) if found.st_size <= MAX_BYTES else None, path)
    except FileNotFoundError as error:
        raise error_of(path, "no such file") from error
    except IsADirectoryError as error:
        raise error_of(path, "is a folder, not a picture") from error
    except PermissionError as error:
        raise error_of(path, "no permission to read it") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise error_of(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error


def check_length(data: bytes | None, name: str | os.PathLike[str]) -> bytes:
    """The content of a file, unless there is more of it than is read.

    Raises:
        facelm.ImageError: There is more.
    """
    if data is None or len(data) > MAX_BYTES:
        raise error_of(name, f"too large (the limit is {MAX_BYTES:,} bytes)")
    return data
