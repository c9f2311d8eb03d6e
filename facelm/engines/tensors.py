"""The tensors of a model file: finite, and of the sizes that its description says."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from facelm.engines.weights import ModelInfo


def find_infinite(weights: Mapping[str, Tensor]) -> str | None:
    """The name of a tensor that holds what is no finite number, if there is one."""
    return next((name for name, tensor in weights.items() if not bool(torch.isfinite(tensor).all())), None)


def check_decoder(info: ModelInfo, weights: Mapping[str, Tensor]) -> None:
    """Make sure that the decoder which is described is that of the weights.

    Raises:
        ValueError: It has other channels.
    """
    for block, count in enumerate(info.decoder_channels):
        name = f"decoder.blocks.{block}.conv1.0.weight"
        if name not in weights:
            raise ValueError(f"missing key {name}")
        if weights[name].shape[:1] != (count,):
            raise ValueError(f"size mismatch for {name}: {tuple(weights[name].shape)}, described are {count}")
