"""Ctrl-C and SIGTERM during a run: what is in hand is finished, and nothing else begun."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import cache
from types import FrameType

_PATIENCE = 3.0  # seconds
_NOTED = threading.Event()


class Stop:
    """Whether a signal asked to come to an end.

    Until `wait` is called there is nothing to finish, and reading a list may take forever: a signal ends the program
    at once, also while a library waits for something that never comes and Python cannot answer.

    Attributes:
        by: The signal that came; None while none did.
    """

    def __init__(self) -> None:
        self.by: int | None = None
        _NOTED.clear()
        _watch_signals()
        _on_signals(_end_at_once)

    def __call__(self) -> bool:
        """Whether one came."""
        return self.by is not None

    def wait(self) -> None:
        """From now on the first signal is only noted; a second one ends the program at once."""
        _on_signals(self._note)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.by = signum
        _NOTED.set()
        signal.signal(signum, signal.SIG_DFL)


def _on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, handler)


def _end_at_once(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)


@cache
def _watch_signals() -> None:
    """Let a thread see signals, which otherwise the main thread alone does, when it is back from a library."""
    if os.name != "posix":
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_end_if_unanswered, args=(reader,), daemon=True).start()


def _end_if_unanswered(reader: int) -> None:
    while signum := os.read(reader, 1)[0]:
        if signum in (signal.SIGINT, signal.SIGTERM) and not _NOTED.wait(_PATIENCE):
            os._exit(128 + signum)
