"""Many pictures on a Ray cluster: what `facelm.runs.batch` does on one machine, on as many as there are.

Ray Data divides the pictures among workers, each with a model of its own, starts them again where a node has died, and
keeps the order. All nodes need facelm and the same view of the files.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facelm.pictures.room import ROOM
from facelm.pictures.sources import Source
from facelm.pictures.texts import UsageError
from facelm.runs import batch
from facelm.runs.batch import Outcome, Result, Seen

if TYPE_CHECKING:
    from facelm.parsing.parser import FaceParser

_TOGETHER = 8
_THREADS = 2  # a worker has one processor


@dataclass(frozen=True)
class _Task:
    """What a worker is told when it starts; ``beside`` is how many of them share a machine, at the most."""

    folder: str
    load: Callable[[], FaceParser | None]
    see: Callable[[FaceParser | None, Source, NDArray[np.uint8]], Seen]
    finish: Callable[[Source, NDArray[np.uint8], Seen], Any]
    weight: float
    beside: int


class _Worker:
    """Processes pictures, from rows of pickled sources to rows of pickled outcomes."""

    def __init__(self, task: _Task) -> None:
        os.chdir(task.folder)
        ROOM.divide(task.beside)
        self.task = task
        self.parser = task.load()

    def __call__(self, rows: dict[str, NDArray[Any]]) -> dict[str, list[bytes]]:
        sources = [pickle.loads(row) for row in rows["source"]]

        def see(source: Source, rgb: NDArray[np.uint8]) -> Seen:
            return self.task.see(self.parser, source, rgb)

        outcomes = batch.process(sources, see, self.task.finish, threads=_THREADS, weight=self.task.weight)
        return {"outcome": [pickle.dumps(outcome) for outcome in outcomes]}


def process(
    sources: Sequence[Source],
    load: Callable[[], FaceParser | None],
    see: Callable[[FaceParser | None, Source, NDArray[np.uint8]], Seen],
    finish: Callable[[Source, NDArray[np.uint8], Seen], Result],
    stopped: Callable[[], bool] = lambda: False,
    weight: float = 1.0,
) -> Iterator[Outcome[Result]]:
    """Process pictures on the cluster that ``RAY_ADDRESS`` names, or on one that is started here.

    Args:
        sources: The pictures.
        load: Makes the parser of a worker.
        see: Finds who is in a picture.
        finish: As in `facelm.runs.batch.process`; what it refers to travels to the workers.
        stopped: Asked after each picture.
        weight: As in `facelm.runs.batch.process`.

    Yields:
        What became of each picture, in their order.

    Raises:
        UsageError: Ray is not installed, or a picture comes from standard input.
    """
    if any(source.path is None for source in sources):
        raise UsageError("--engine ray: standard input cannot be read on a cluster")
    try:
        import ray
    except ImportError:
        raise UsageError("--engine ray needs Ray: pip install 'facelm[ray]'") from None
    with ExitStack() as stack:
        # Ray reports dead nodes on standard output, where results go.
        stack.enter_context(redirect_stdout(sys.stderr))
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.WARNING)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(log_to_driver=False, logging_level=logging.ERROR)
        stack.callback(ray.shutdown)
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.execution_options.verbose_progress = False
        context.enable_progress_bars = False
        resources = ray.cluster_resources()
        cpus, gpus = (int(resources.get(kind, 0)) for kind in ("CPU", "GPU"))
        kind = "GPU" if gpus else "CPU"
        beside = max(int(node["Resources"].get(kind, 1)) for node in ray.nodes() if node["Alive"])
        task = _Task(str(Path.cwd()), load, see, finish, weight, max(1, beside))

        class Worker(_Worker):
            """Knows its task, so that a node that takes over from a dead one does too."""

            def __init__(self) -> None:
                super().__init__(task)

        seen = ray.data.from_items([{"source": pickle.dumps(source)} for source in sources]).map_batches(
            Worker,
            batch_size=_TOGETHER,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=max(1, gpus or cpus)),
            num_cpus=1,
            num_gpus=1 if gpus else 0,
        )
        for row in seen.iter_rows():
            yield pickle.loads(row["outcome"])
            if stopped():
                return
