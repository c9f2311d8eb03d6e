"""What follows the steps of a run: the learning rate, and the averaged weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_WARM_UP = 0.05
_LOWEST = 0.01
_EMA_DECAY = 0.998

Tensors = tuple[Tensor, ...] | list[Tensor]


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


@torch.no_grad()
def average(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
    """Exponential moving average, in place, whose memory grows with the run, so that short runs are averaged too."""
    share = 1 - min(_EMA_DECAY, (1 + float(count)) / (10 + float(count)))
    if averaged[0].is_floating_point():
        torch._foreach_lerp_(averaged, current, share)
        return
    for mean, value in zip(averaged, current, strict=True):
        mean.copy_(value)
