"""The engine of PyTorch: any device, any model that `facelm train` wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facelm.engines.devices import pick_device, pick_precision
from facelm.engines.model import load_model, normalise
from facelm.engines.ways import HALF, SINGLE


class TorchEngine:
    """Runs a network with PyTorch: on CUDA in half precision, elsewhere in single.

    Args:
        path: The safetensors file.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        facelm.ModelError: The device is not there, or the file is damaged.
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        self.device = pick_device(device)
        self.network, self.info = load_model(str(path), self.device)
        self.way = HALF if self.device.type == "cuda" else SINGLE

    @torch.inference_mode()
    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `facelm.engines.engine.Engine`."""
        pixels = torch.from_numpy(rgb).to(self.device).permute(0, 3, 1, 2)
        x = normalise(self.info, pixels).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, pick_precision(self.device), enabled=self.device.type == "cuda"):
            logits = self.network(x)
        probabilities: NDArray[np.float32] = logits.float().softmax(1).cpu().numpy()
        return probabilities
