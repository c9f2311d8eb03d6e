"""What runs a network: OpenVINO on the CPU, PyTorch on a GPU and for models that were not exported."""

from __future__ import annotations

import ctypes
import platform
import sys
from pathlib import Path

from facelm.engines.engine import Engine
from facelm.engines.weights import exported_path, find_weights


def open_engine(weights: str, device: str = "auto", threads: int = 1) -> Engine:
    """The fastest engine that there is for a model and a device.

    Args:
        weights: Name of a shipped model, or path of one that ``facelm train`` wrote.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: How many will call it at once.

    Raises:
        facelm.ModelError: The model or the device is not there, or the file is damaged.
    """
    path = find_weights(weights)
    # Each engine is imported only where it runs: PyTorch alone takes seconds to load.
    if device == "auto" and may_have_gpu():
        from facelm.engines.model import pick_device

        device = str(pick_device(device))
    if device in ("auto", "cpu") and exported_path(path).is_file():
        from facelm.engines.openvino import open_export

        if (engine := open_export(path, threads)) is not None:
            return engine
    from facelm.engines.shared import SharedEngine
    from facelm.engines.torch import TorchEngine

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
