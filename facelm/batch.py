"""Many pictures: reading, the network and writing overlap, in order and in a bounded piece of memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from facelm.images import ImageError
from facelm.sources import Source, read

if TYPE_CHECKING:
    from facelm.face import Face

_READERS, _READ_AHEAD = 2, 4
_WRITERS, _WRITE_BEHIND = 2, 4

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Outcome(Generic[Result]):
    """What became of one picture.

    Attributes:
        source: The picture.
        faces: How many were found.
        seconds: Spent on it by reading, network and finishing, not by waiting.
        result: What ``finish`` made of it; None where it failed.
        error: Why it failed, else None.
    """

    source: Source
    faces: int = 0
    seconds: float = 0.0
    result: Result | None = None
    error: str | None = None


def process(
    sources: Iterable[Source],
    see: Callable[[Source, NDArray[np.uint8]], list[Face]],
    finish: Callable[[Source, NDArray[np.uint8], list[Face]], Result],
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Outcome[Result]]:
    """Read and parse pictures, and finish each: post-process it, and write what is to be written.

    A few pictures are read ahead, and a few are finished behind, in threads of their own.

    Args:
        sources: The pictures.
        see: Finds and parses the faces of a picture; called in this thread.
        finish: Called in a thread with picture, pixels and faces; may raise `facelm.images.ImageError`.
        stopped: Asked before a picture is begun; those in hand are finished.

    Yields:
        What became of each picture, in their order.
    """
    feed = iter(sources)
    ahead: deque[tuple[Source, Future[tuple[NDArray[np.uint8], float]]]] = deque()
    behind: deque[Future[Outcome[Result]]] = deque()
    with ThreadPoolExecutor(_READERS) as readers, ThreadPoolExecutor(_WRITERS) as writers:
        while True:
            while len(ahead) < _READ_AHEAD and not stopped() and (source := next(feed, None)):
                ahead.append((source, readers.submit(_clock, read, source)))
            if ahead:
                source, picture = ahead.popleft()
                behind.append(_pass_on(source, picture, see, finish, writers))
            while behind and (not ahead or len(behind) > _WRITE_BEHIND or behind[0].done()):
                yield behind.popleft().result()
            if not ahead and not behind:
                return


def _pass_on(
    source: Source,
    picture: Future[tuple[NDArray[np.uint8], float]],
    see: Callable[[Source, NDArray[np.uint8]], list[Face]],
    finish: Callable[[Source, NDArray[np.uint8], list[Face]], Result],
    writers: ThreadPoolExecutor,
) -> Future[Outcome[Result]]:
    """Parse a picture, and hand it to the threads that finish."""
    try:
        rgb, reading = picture.result()
        faces, parsing = _clock(see, source, rgb)
    except (ImageError, MemoryError) as error:
        return writers.submit(Outcome, source, error=_tell(source, error))
    begun = Outcome[Result](source, len(faces), reading + parsing)

    def conclude() -> Outcome[Result]:
        try:
            result, finishing = _clock(finish, source, rgb, faces)
        except (ImageError, MemoryError) as error:
            return replace(begun, error=_tell(source, error))
        return replace(begun, seconds=begun.seconds + finishing, result=result)

    return writers.submit(conclude)


def _tell(source: Source, error: ImageError | MemoryError) -> str:
    return str(error) if isinstance(error, ImageError) else f"{source.name}: too large for the memory of this machine"


def _clock(work: Callable[..., Result], *arguments: object) -> tuple[Result, float]:
    """The result of some work, and the seconds that it took."""
    start = time.perf_counter()
    result = work(*arguments)
    return result, time.perf_counter() - start
