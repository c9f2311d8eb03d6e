"""Frames of a clip, and how they are read ahead of whoever works on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_AHEAD = 4
_PATIENCE = 0.1  # seconds between looks at whether anybody still reads

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a clip.

    Attributes:
        number: Among the frames of the clip, from 0.
        moment: When it is shown, seconds on the clip's own clock, exactly.
        lasts: How long it is shown, seconds; 0 where the clip does not tell.
        rgb: (H, W, 3) uint8, upright.
    """

    number: int
    moment: Fraction
    lasts: Fraction
    rgb: NDArray[np.uint8]

    @property
    def timestamp(self) -> float:
        """When it is shown, seconds."""
        return float(self.moment)


@dataclass(frozen=True, eq=False)
class _End(Generic[Item]):
    """The last thing in a queue: what ended it, if that was an error."""

    error: BaseException | None = None


def read_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Give items as they come, made by a thread of their own which is a few of them ahead.

    Args:
        items: What the thread goes through; it is closed there when nobody wants more.

    Raises:
        BaseException: What going through the items raised.
    """
    waiting: Queue[Item | _End[Item]] = Queue(_AHEAD)
    left = Event()

    def put(item: Item | _End[Item]) -> bool:
        while not left.is_set():
            try:
                waiting.put(item, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        error: BaseException | None = None
        try:
            while not left.is_set():
                if (item := next(items, None)) is None or not put(item):
                    break
        except BaseException as raised:  # whoever reads gets it
            error = raised
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
            put(_End(error))

    thread = Thread(target=work, name="facelm-frames", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = waiting.get(timeout=1)
            except Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        left.set()
        thread.join()
