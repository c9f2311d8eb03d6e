"""What runs a network: OpenVINO on the CPU, PyTorch on a GPU and for models that were not exported."""

from __future__ import annotations

import ctypes
import platform
import sys
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facelm.weights import ModelInfo, exported_path, find_weights

STRIDE = 32
"""Networks take pictures whose sides are multiples of this, pixels."""


class Engine(Protocol):
    """A network that is ready to run.

    Attributes:
        info: What is known of it.
    """

    info: ModelInfo

    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on pictures of one size.

        Args:
            rgb: (N, H, W, 3) uint8; H and W are multiples of `STRIDE`.

        Returns:
            (N, 19, H, W) float32 class probabilities.
        """


def open_engine(weights: str, device: str = "auto", threads: int = 1) -> Engine:
    """The fastest engine that there is for a model and a device.

    Args:
        weights: Name of a shipped model, or path of one that ``facelm train`` wrote.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: How many will call it at once.

    Raises:
        facelm.weights.ModelError: The model or the device is not there, or the file is damaged.
    """
    path = find_weights(weights)
    # Each engine is imported only where it runs: PyTorch alone takes seconds to load.
    if device == "auto" and may_have_gpu():
        from facelm.model import pick_device

        device = str(pick_device(device))
    if device in ("auto", "cpu") and exported_path(path).is_file():
        from facelm.openvino_engine import open_export

        if (engine := open_export(path, threads)) is not None:
            return engine
    from facelm.shared_engine import SharedEngine
    from facelm.torch_engine import TorchEngine

    own = TorchEngine(path, device)
    return own if own.device.type == "cpu" else SharedEngine(own)


def may_have_gpu() -> bool:
    """Whether it is worth asking PyTorch for a GPU: the driver of one is installed."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()
    return True
