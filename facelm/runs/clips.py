"""One clip: its frames are followed one after the other while a thread of its own finishes those that were."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from facelm.parsing.parser import FaceParser
from facelm.pictures.choice import Choice
from facelm.pictures.files import error_of
from facelm.pictures.room import ROOM
from facelm.pictures.sources import Source
from facelm.runs.batch import Outcome, Result, cause_of
from facelm.video.clips import Clip
from facelm.video.watching import SeenFrame, Steadier, follow

if TYPE_CHECKING:
    from facelm.hands.find import HandFinder

_WAITING = 3
_KEPT = 4.0
"""Memory of the frames that are read ahead, wait to be written, or that decoder and encoder keep, in pictures."""

Finish = Callable[[Source, Clip], AbstractContextManager[Callable[[SeenFrame], Result]]]
"""Opens what a clip is written to, and gives what writes a frame of it; `facelm.runs.places` has some."""


@dataclass(frozen=True)
class Following:
    """How clips are followed: see `facelm.video.watching`."""

    every: int = 1
    smooth: bool = True
    choice: Choice | None = None
    masks: bool = True
    jaw: str = "outline"
    faces: bool = True
    hands: HandFinder | None = None
    min_score: float = 0.5


def process(
    source: Source,
    parser: FaceParser | None,
    how: Following,
    finish: Finish[Result],
    stopped: Callable[[], bool] = lambda: False,
    begun: Callable[[int | None], None] = lambda frames: None,
    weight: float = 1.0,
) -> Iterator[Outcome[Result]]:
    """Follow the faces of a clip, and finish each frame.

    Args:
        source: The clip.
        parser: Finds and parses faces; None where none are wanted.
        how: How it is followed.
        finish: What becomes of it; frames come one at a time, in order; may raise `facelm.ImageError`.
        stopped: Asked before each frame; what was done until then is kept.
        begun: Called with the number of frames to come, None where the clip does not tell.
        weight: How many times as much memory as usual a frame needs to be finished.

    Yields:
        What became of each frame, and at last of the clip, with the numbers of its tracks and what is wrong with it.
    """
    start = time.perf_counter()
    done: deque[tuple[int, Future[Result]]] = deque()
    tracks: set[int] = set()
    hand_tracks: set[int] = set()
    frames, fault = 0, None
    cv2.setNumThreads(1)  # its threads wait in circles for the next frame, on processors that networks would use
    try:
        clip = Clip(source.path, source.max_pixels)  # type: ignore[arg-type]  # standard input is no clip
        ROOM.take(round(clip.pixels * (_KEPT + weight)))
        begun(None if clip.count is None else -(-clip.count // how.every))
        steady = Steadier(how.masks) if how.smooth else _as_it_is
        with finish(source, clip) as write, ThreadPoolExecutor(1) as pool:
            for seen in follow(clip, parser, how.every, how.choice, how.masks, how.jaw, how.hands, how.min_score):
                tracks |= {face.track for face in seen.faces}
                hand_tracks |= {hand.track for hand in seen.hands}
                done.append((len(seen.faces), pool.submit(_finish, steady, write, seen)))
                frames += 1
                while len(done) > _WAITING:
                    yield _part(source, *done.popleft())
                if stopped():
                    fault = f"stopped after {frames} frames"
                    break
            while done:
                yield _part(source, *done.popleft())
        fault = "; ".join([*clip.faults, *([fault] if fault else [])])
        error = str(error_of(source.name, fault)) if fault else None
    except Exception as raised:  # as many records as inputs, whatever is raised
        error = cause_of(source.name, raised)
    hands = len(hand_tracks) if how.hands else None
    yield Outcome(source, len(tracks), time.perf_counter() - start, error=error, frames=frames, hands=hands)


def _as_it_is(seen: SeenFrame) -> SeenFrame:
    return seen


def _finish(steady: Callable[[SeenFrame], SeenFrame], write: Callable[[SeenFrame], Result], seen: SeenFrame) -> Result:
    return write(steady(seen))


def _part(source: Source, faces: int, future: Future[Result]) -> Outcome[Result]:
    return Outcome(source, faces, result=future.result(), part=True)
