"""A trained model that teaches another one."""

from __future__ import annotations

import torch
from torch import Tensor

from facelm import model


class Teacher:
    """A model whose probabilities another one learns to give (distillation; Hinton, Vinyals and Dean, 2015).

    Args:
        name_or_path: Name of a shipped model, or path of one that ``facelm train`` wrote.
        device: Where the other one is trained.

    Raises:
        facelm.weights.ModelError: There is no such model.
    """

    def __init__(self, name_or_path: str, device: torch.device) -> None:
        self._network, self._info = model.load_model(name_or_path, device)
        self._precision = model.pick_precision(device)

    @torch.no_grad()
    def teach(self, rgb: Tensor) -> Tensor:
        """What the teacher sees in a batch.

        Args:
            rgb: (N, 3, H, W) uint8, on the teacher's device.

        Returns:
            (N, 19, H / 2, W / 2) probabilities of every second pixel, as `facelm.losses.DiceCrossEntropy` takes them.
        """
        logits = model.predict(self._network, self._info, rgb, rgb.shape[-2:], self._precision)
        return logits[..., ::2, ::2].softmax(1)
