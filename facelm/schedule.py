"""What follows the steps of a run: the learning rate, and the averaged weights."""

from __future__ import annotations

import math

from torch import Tensor

_WARM_UP = 0.05
_LOWEST = 0.01
_EMA_DECAY = 0.998


def learning_rate(step: int, steps: int) -> float:
    """Share of the highest learning rate: a linear warm-up, then half a cosine down to a hundredth.

    Args:
        step: Steps done.
        steps: Steps of the whole run.
    """
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    done = min(1.0, (step - warm_up) / max(1, steps - warm_up))
    return _LOWEST + (1 - _LOWEST) * 0.5 * (1 + math.cos(math.pi * done))


def average(averaged: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
    """Exponential moving average whose memory grows with the run, so that short runs are averaged too."""
    decay = min(_EMA_DECAY, (1 + float(count)) / (10 + float(count)))
    return averaged * decay + current * (1 - decay)
