"""Ctrl-C and SIGTERM during a run: what is in hand is finished, and nothing else begun."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType


class Stop:
    """Whether a signal asked to come to an end.

    Until `wait` is called there is nothing to finish, and reading a list may take forever: a signal ends the program
    at once.

    Attributes:
        by: The signal that came; None while none did.
    """

    def __init__(self) -> None:
        self.by: int | None = None
        _on_signals(_end_at_once)

    def __call__(self) -> bool:
        """Whether one came."""
        return self.by is not None

    def wait(self) -> None:
        """From now on the first signal is only noted; a second one ends the program at once."""
        _on_signals(self._note)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.by = signum
        signal.signal(signum, signal.SIG_DFL)


def _on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, handler)


def _end_at_once(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)
