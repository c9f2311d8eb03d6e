"""An engine for several threads: what they ask for while the network is busy goes through it together."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from facelm.engines.engine import Engine

_MOST = 32  # pictures in a batch
_Request = tuple[NDArray[np.uint8], "Future[NDArray[np.float32]]"]


class SharedEngine:
    """Lets threads share the batches of an engine that is fastest with large ones, as on a GPU.

    Args:
        engine: The engine; only one thread at a time calls it.
    """

    def __init__(self, engine: Engine) -> None:
        self.info = engine.info
        self.way = engine.way
        self._engine = engine
        self._waiting: list[_Request] = []
        self._list = threading.Lock()
        self._network = threading.Lock()

    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `facelm.engines.engine.Engine`."""
        mine: Future[NDArray[np.float32]] = Future()
        with self._list:
            self._waiting.append((rgb, mine))
        # Who gets the network first runs it for all who wait by then.
        while not mine.done():
            with self._network:
                if not mine.done():
                    self._run_some()
        return mine.result()

    def _run_some(self) -> None:
        """Run the network on the pictures that have waited longest, and on others of their size."""
        with self._list:
            shape = self._waiting[0][0].shape[1:]
            chosen: list[_Request] = []
            rest: list[_Request] = []
            count = 0
            for rgb, future in self._waiting:
                fits = rgb.shape[1:] == shape and (not chosen or count + len(rgb) <= _MOST)
                (chosen if fits else rest).append((rgb, future))
                count += len(rgb) if fits else 0
            self._waiting = rest
        try:
            parsed = self._engine.predict(np.concatenate([rgb for rgb, _ in chosen]))
        except Exception as error:
            for _, future in chosen:
                future.set_exception(error)
            return
        ends = np.cumsum([len(rgb) for rgb, _ in chosen])
        for (_, future), part in zip(chosen, np.split(parsed, ends[:-1]), strict=True):
            future.set_result(part)
