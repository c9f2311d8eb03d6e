"""Samples of a training run: augmented to train on, plain to validate on, in an order that can be resumed."""

from __future__ import annotations

import hashlib
import math
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from facelm import classes
from facelm.pictures import files
from facelm.training import augment, data
from facelm.training.config import TrainConfig, TrainError
from facelm.training.covers import cover
from facelm.training.labels import find_missing, find_shown
from facelm.training.suspicion import check_order

_VALIDATION_FRACTION = 0.1


class TrainingSet(Dataset[tuple[Tensor, Tensor]]):
    """Augmented samples, each a function of (seed, epoch, index) alone, so a run can be resumed anywhere.

    Args:
        examples: What they are made of.
        size: Their width and height, pixels.
        seed: Of what is random.
        gentle_from: The epoch, counted from 0, from which on they are changed less, `facelm.training.augment.GENTLE`.
    """

    def __init__(self, examples: Sequence[data.Example], size: int, seed: int, gentle_from: float = math.inf) -> None:
        self.examples = examples
        self.seed = seed
        self.gentle_from = gentle_from
        self.changes = [(augment.geometric(size, share), augment.photometric(share)) for share in (1.0, augment.GENTLE)]

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Sample ``index`` of ``epoch``: RGB (3, size, size) uint8 and labels (size, size) int64 (`Example.label`)."""
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        geometric, photometric = self.changes[epoch >= self.gentle_from]
        geometric.set_random_seed(int(rng.integers(2**31)))
        photometric.set_random_seed(int(rng.integers(2**31)))
        example = self.examples[index]
        rgb, mask = example.read()
        if not example.joined:
            rgb, mask = cover(rgb, mask, rng)
        warped = geometric(**_square(rgb, mask))
        rgb, mask = warped["image"], warped["mask"]
        changed = photometric(image=rgb, mask=mask)
        return _to_tensor(changed["image"]), torch.from_numpy(example.label(changed["mask"]))


class ValidationSet(Dataset[tuple[Tensor, Tensor]]):
    """Portraits as they are, resized; masks at their own size."""

    def __init__(self, examples: Sequence[data.Example], size: int) -> None:
        self.examples = examples
        self.size = size

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """RGB (3, size, size) uint8 and class indices (H, W) uint8; 255 where one of several classes is meant."""
        rgb, mask = self.examples[index].read()
        mask[mask >= len(classes.CLASSES)] = classes.IGNORE
        rgb = cv2.resize(rgb, (self.size, self.size), interpolation=cv2.INTER_AREA).astype(np.uint8)
        return _to_tensor(rgb), torch.from_numpy(mask)


class Order(Sampler[tuple[int, int]]):
    """The order of one epoch, fixed by seed and epoch; what does not fill a batch at its end is dropped.

    Of each batch, process ``rank`` of ``world`` gets its share.
    """

    def __init__(
        self, count: int, batch: int, seed: int, epoch: int, first_step: int, rank: int = 0, world: int = 1
    ) -> None:
        self.keys = [(epoch, int(i)) for i in np.random.default_rng((seed, epoch)).permutation(count)]
        self.keys = self.keys[first_step * batch : count // batch * batch][rank::world]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)


def find_samples(
    config: TrainConfig,
    on_progress: Callable[[int, int], None] | None = None,
    on_missing: Callable[[str, list[str]], None] | None = None,
) -> tuple[TrainingSet, ValidationSet]:
    """Find, check and split the data of a run.

    Args:
        config: Names the folders.
        on_progress: Called with (checked, all) as the check goes on.
        on_missing: Called with ``training`` or ``validation`` and the names of classes that none of its masks shows,
            if there are any; a tenth that is held out does not count.

    Raises:
        facelm.training.data.DataError: The data cannot be used, show only background, or are fewer than a batch.
    """
    train: list[data.Example] = []
    held_out = [example for folder in config.val for example in data.find(Path(folder), config.classes)]
    for folder in config.data:
        rest = data.find(Path(folder), config.classes)
        if not config.val:
            rest, chosen = data.split(rest, _VALIDATION_FRACTION, config.seed)
            held_out += chosen
        train += rest
    if len(train) < config.batch:
        raise data.DataError(f"{len(train)} training examples do not fill a batch of {config.batch}")
    data.check(train + held_out, on_progress)
    for name, examples in [("training", train)] + ([("validation", held_out)] if config.val else []):
        if (missing := find_missing(examples, find_shown(examples))) and on_missing:
            on_missing(name, missing)
    check_order(train + held_out)
    return TrainingSet(train, config.size, config.seed, config.epochs / 2), ValidationSet(held_out, config.size)


def fingerprint(examples: Sequence[data.Example]) -> str:
    """By which a run that is resumed knows its data again: names of the pictures, sizes of the files."""
    of = hashlib.sha256()
    for example in examples:
        mask = example.mask or example.parts[0][1]
        of.update(
            f"{example.image.name} {example.image.stat().st_size} {mask.stat().st_size}\n".encode(errors="replace")
        )
        of.update(repr((len(example.parts), example.merged)).encode())
    return of.hexdigest()


def make_loader(samples: Dataset[Any], workers: int, **options: Any) -> DataLoader[Any]:
    """A loader that draws random numbers of its own: those of dropout, which a checkpoint restores, are left alone.

    Args:
        samples: What to load.
        workers: Processes that do.
        options: Of the loader.
    """
    own = torch.Generator().manual_seed(0)
    return DataLoader(samples, num_workers=workers, worker_init_fn=_start_worker, generator=own, **options)


def iterate(loader: DataLoader[Any]) -> Iterator[Any]:
    """Start the workers of a loader, and iterate over its batches.

    A worker is a fork of this process without its threads; if OpenCV has started some here, it would wait
    for them there forever. So OpenCV gives them up for the moment of the fork.

    Raises:
        facelm.ImageError: A picture cannot be read.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        batches = iter(loader)
    finally:
        cv2.setNumThreads(threads)
    try:
        yield from batches
    except files.ImageError as error:
        # From a worker it comes with the text of a traceback, whose last line it is.
        told = str(error).strip().splitlines()[-1]
        raise files.ImageError(told.removeprefix(f"{files.ImageError.__module__}.ImageError: ")) from None


@contextmanager
def alive_workers() -> Iterator[None]:
    """Tell in one line that a worker was killed, which PyTorch says to whatever runs at that moment.

    Raises:
        facelm.training.config.TrainError: One was.
    """
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise TrainError(
            "a process that reads pictures was killed, as by a system that lacks memory; fewer: --workers"
        ) from error


def _start_worker(worker: int) -> None:
    """Workers leave signals to the loop, which ends cleanly, and use one thread each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # what is sent to the whole group, as by timeout(1), does not reach them
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _square(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """A picture and its mask made square with a border: black, and unknown in the mask."""
    height, width = mask.shape
    rows, columns = max(0, width - height), max(0, height - width)
    border = ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))
    return {"image": np.pad(rgb, (*border, (0, 0))), "mask": np.pad(mask, border, constant_values=classes.IGNORE)}


def _to_tensor(rgb: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))
