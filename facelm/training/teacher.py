"""Trained models that teach another one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facelm.engines import devices, model


class Teachers:
    """Models whose probabilities another one learns to give (distillation; Hinton, Vinyals and Dean, 2015).

    Args:
        names_or_paths: Each the name of a shipped model, or the path of one that ``facelm train`` wrote.
        device: Where the other one is trained.

    Raises:
        facelm.ModelError: There is no such model.
    """

    def __init__(self, names_or_paths: Sequence[str], device: torch.device) -> None:
        self._models = [model.load_model(each, device) for each in names_or_paths]
        self._precision = devices.pick_precision(device)

    @torch.no_grad()
    def teach(self, rgb: Tensor) -> Tensor:
        """What the teachers see in a batch, on the average.

        Args:
            rgb: (N, 3, H, W) uint8, on the teachers' device.

        Returns:
            (N, 19, H / 2, W / 2) probabilities of every second pixel, as `DiceCrossEntropy` takes them.
        """
        seen = [model.predict(network, info, rgb, rgb.shape[-2:], self._precision) for network, info in self._models]
        return torch.stack([logits[..., ::2, ::2].softmax(1) for logits in seen]).mean(0)
