"""Many pictures: a few threads read, parse and finish one each, in order and in a bounded piece of memory."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.engines.weights import first_line, is_shortage
from facelm.pictures.choice import Choice
from facelm.pictures.files import ImageError, error_of
from facelm.pictures.room import ROOM
from facelm.pictures.sources import Source, read
from facelm.results.records import plain_text

if TYPE_CHECKING:
    from facelm.hands.find import Hand, HandFinder
    from facelm.parsing.face import Face
    from facelm.parsing.parser import FaceParser
    from facelm.pictures.boxes import Box

PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

THREADS = min(16, PROCESSORS + 1)
"""One more than there are processors: while all others compute, one reads the next picture."""

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Seen:
    """Who is in a picture: its faces, and its hands, None where they were not looked for."""

    faces: list[Face]
    hands: list[Hand] | None = None


@dataclass(frozen=True, eq=False)
class Outcome(Generic[Result]):
    """What became of one picture, of one clip, or of one frame of a clip.

    Attributes:
        source: The picture or clip.
        faces: How many were found; of a clip, how many tracks.
        seconds: From when it was begun to when it was finished.
        result: What ``finish`` made of it; None where it failed.
        error: Why it failed, else None.
        frames: How many were looked at; None of a picture.
        part: It is a frame of a clip, of which more will be told.
        hands: Counted as faces are; None where they were not looked for.
    """

    source: Source
    faces: int = 0
    seconds: float = 0.0
    result: Result | None = None
    error: str | None = None
    frames: int | None = None
    part: bool = False
    hands: int | None = None

    def line(self) -> dict[str, object]:
        """A line of the manifest: image, and faces, hands and seconds, or why it failed."""
        line: dict[str, object] = {"image": plain_text(self.source.name)}
        if self.frames is not None:
            line["frames"] = self.frames
        if self.error is not None:
            return line | {"error": plain_text(self.error)}
        line["faces"] = self.faces
        if self.hands is not None:
            line["hands"] = self.hands
        return line | {"seconds": round(self.seconds, 4)}


def no_parser(threads: int = 1) -> None:
    """In place of what makes a parser, where no faces are wanted."""


def look(
    boxes: Mapping[str, Sequence[Box]] | None,
    choice: Choice,
    hands: HandFinder | None,
    min_score: float,
    parser: FaceParser | None,
    source: Source,
    rgb: NDArray[np.uint8],
) -> Seen:
    """Who is in a picture; faces are those that the parser finds, or those in the boxes of another detector.

    Args:
        boxes: Of the other detector, by name of the picture; None where there is none.
        choice: Which of them are wanted.
        hands: Finds hands, where they are wanted.
        min_score: Probability from which on a place is told as a hand.
        parser: Finds and parses them; None where none are wanted.
        source: The picture.
        rgb: (H, W, 3) uint8.
    """
    found = hands.find(rgb, min_score) if hands else None
    if parser is None:
        return Seen([], found)
    faces = parser.parse(rgb) if boxes is None else parser.parse_boxes(rgb, boxes[source.name])
    return Seen([faces[at] for at in choice.choose([face.box for face in faces], *rgb.shape[:2])], found)


def process(
    sources: Iterable[Source],
    see: Callable[[Source, NDArray[np.uint8]], Seen],
    finish: Callable[[Source, NDArray[np.uint8], Seen], Result],
    stopped: Callable[[], bool] = lambda: False,
    threads: int = THREADS,
    weight: float = 1.0,
) -> Iterator[Outcome[Result]]:
    """Read and parse pictures, and finish each: post-process it, and write what is to be written.

    Args:
        sources: The pictures.
        see: Finds who is in a picture; called in several threads.
        finish: Called in several threads with picture, pixels and what was seen; may raise `facelm.ImageError`.
        stopped: Asked before a picture is begun; those in hand are finished.
        threads: Pictures that are in hand at once, one of which is read while the others are seen and finished.
        weight: How many times as much memory as usual each picture needs.

    Yields:
        What became of each picture, in their order.
    """
    if threads > 1:
        cv2.setNumThreads(1)  # pictures are worked on side by side, not their rows
    feed = iter(sources)
    begun: deque[Future[Outcome[Result] | None]] = deque()
    computing = threading.Semaphore(max(1, threads - 1))

    def compute(source: Source, rgb: NDArray[np.uint8]) -> tuple[Seen, Result]:
        with computing:
            seen = see(source, rgb)
            return seen, finish(source, rgb, seen)

    def work(source: Source) -> Outcome[Result] | None:
        return None if stopped() else _process(source, compute, stopped, weight)

    with ThreadPoolExecutor(threads) as pool:
        while True:
            while len(begun) < 2 * threads and not stopped() and (source := next(feed, None)):
                begun.append(pool.submit(work, source))
            if not begun:
                return
            if (outcome := begun.popleft().result()) is not None:
                yield outcome


def _process(
    source: Source,
    compute: Callable[[Source, NDArray[np.uint8]], tuple[Seen, Result]],
    stopped: Callable[[], bool],
    weight: float,
) -> Outcome[Result]:
    """Do all that is to be done with a picture; ``compute`` gives what was seen, and the result."""
    start = time.perf_counter()
    try:
        with ROOM.share(weight):
            rgb = read(source, stopped)
            seen, result = compute(source, rgb)
    except Exception as error:  # as many records as inputs, whatever is raised
        return Outcome(source, seconds=time.perf_counter() - start, error=cause_of(source.name, error))
    hands = None if seen.hands is None else len(seen.hands)
    return Outcome(source, len(seen.faces), time.perf_counter() - start, result, hands=hands)


def cause_of(name: str, error: Exception) -> str:
    """Why a picture or clip failed, in one line that names it."""
    if isinstance(error, ImageError):
        return str(error)
    if is_shortage(error):
        return str(error_of(name, "too large for the memory of this machine"))
    if isinstance(error, cv2.error):
        return str(error_of(name, f"OpenCV cannot process it ({error.err})"))
    return str(error_of(name, f"cannot be processed ({type(error).__name__}: {first_line(error)})"))
