"""A sheet of what training sees: augmented samples, with their masks laid over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.pictures import images
from facelm.training.config import TrainConfig
from facelm.training.samples import find_samples

_ROWS, _PAIRS = 6, 4
_SEVERAL = (255, 0, 255)
_OPACITY = 0.6


def draw_preview(config: TrainConfig, path: Path) -> None:
    """Write a sheet of the first samples of a run: each as it is, and under its mask.

    White is unknown, magenta where a label means several classes.

    Args:
        config: Of the run.
        path: The JPEG.

    Raises:
        facelm.training.data.DataError: The data cannot be used.
        facelm.ImageError: A file cannot be read or written.
    """
    samples, _ = find_samples(config)
    chosen = np.random.default_rng(config.seed).integers(len(samples.examples), size=_ROWS * _PAIRS)
    tiles = [_draw(*samples[epoch, int(index)]) for epoch, index in enumerate(chosen)]
    rows = [np.concatenate(tiles[start : start + _PAIRS], 1) for start in range(0, len(tiles), _PAIRS)]
    images.write_jpeg(path, np.concatenate(rows))


def _draw(rgb: object, labels: object) -> NDArray[np.uint8]:
    """A sample and the same under its mask, side by side: (size, 2 size, 3) uint8."""
    picture = np.asarray(rgb).transpose(1, 2, 0)
    mask = np.asarray(labels)
    several = mask >= classes.PARTIAL
    colours = classes.palette()[np.where(several, 0, mask)]
    colours[several] = _SEVERAL
    covered = np.rint((1 - _OPACITY) * picture + _OPACITY * colours).astype(np.uint8)
    return np.concatenate([picture, np.where((mask > 0)[..., None], covered, picture)], 1)
