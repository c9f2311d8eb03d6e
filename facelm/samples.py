"""Samples of a training run: augmented for training, plain for validation, in an order that can be resumed."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from facelm import augment, data
from facelm.scenes import SceneMaker

_SCENE_CHANCE = 0.5


class TrainingSet(Dataset[tuple[Tensor, Tensor]]):
    """Augmented samples, each a function of (seed, epoch, index) alone, so that a run can be resumed anywhere."""

    def __init__(self, examples: Sequence[data.Example], scenes: SceneMaker | None, size: int, seed: int) -> None:
        self.examples = examples
        self.scenes = scenes
        self.seed = seed
        self.geometric = augment.geometric(size)
        self.photometric = augment.photometric()

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Sample ``index`` of ``epoch``: RGB (3, size, size) uint8 and class indices (size, size) int64."""
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        self.geometric.set_random_seed(int(rng.integers(2**31)))
        self.photometric.set_random_seed(int(rng.integers(2**31)))
        if self.scenes and rng.random() < _SCENE_CHANCE:
            rgb, mask = self.scenes.make(rng)
        else:
            rgb, mask = self.examples[index].read()
            warped = self.geometric(image=rgb, mask=mask)
            rgb, mask = warped["image"], warped["mask"]
        changed = self.photometric(image=rgb, mask=mask)
        return _to_tensor(changed["image"]), torch.from_numpy(changed["mask"]).long()


class ValidationSet(Dataset[tuple[Tensor, Tensor]]):
    """Portraits as they are, resized; masks at their own size."""

    def __init__(self, examples: Sequence[data.Example], size: int) -> None:
        self.examples = examples
        self.size = size

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """RGB (3, size, size) uint8 and class indices (H, W) uint8."""
        rgb, mask = self.examples[index].read()
        rgb = cv2.resize(rgb, (self.size, self.size), interpolation=cv2.INTER_AREA).astype(np.uint8)
        return _to_tensor(rgb), torch.from_numpy(mask)


class Order(Sampler[tuple[int, int]]):
    """The order of one epoch, fixed by seed and epoch; the last samples that do not fill a batch are dropped."""

    def __init__(self, count: int, batch: int, seed: int, epoch: int, first_step: int) -> None:
        self.keys = [(epoch, int(i)) for i in np.random.default_rng((seed, epoch)).permutation(count)]
        self.keys = self.keys[first_step * batch : count // batch * batch]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)


def start_worker(worker: int) -> None:
    """Workers leave Ctrl-C to the loop, which ends cleanly, and use one thread each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _to_tensor(rgb: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))
