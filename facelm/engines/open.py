"""What runs a network: OpenVINO on the CPU, PyTorch on a GPU and for models that were not exported."""

from __future__ import annotations

import ctypes
import platform
import sys
from pathlib import Path

import numpy as np

from facelm.engines.engine import STRIDE, Engine
from facelm.engines.weights import ModelError, exported_path, find_shipped, find_weights, unfit


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
    try:
        engine = _open(path, device, threads)
        if path not in find_shipped().values():
            _try_out(engine, path)
    except (RuntimeError, ValueError, LookupError, MemoryError) as error:
        raise unfit(path, error) from error
    return engine


def _open(path: Path, device: str, threads: int) -> Engine:
    # Each engine is imported only where it runs: PyTorch alone takes seconds to load.
    if device == "auto" and may_have_gpu():
        from facelm.engines.devices import pick_device

        device = str(pick_device(device))
    if device in ("auto", "cpu") and exported_path(path).is_file():
        from facelm.engines.openvino import open_export

        if (engine := open_export(path, threads)) is not None:
            return engine
    from facelm.engines.shared import SharedEngine
    from facelm.engines.torch import TorchEngine

    own = TorchEngine(path, device)
    return own if own.device.type == "cpu" else SharedEngine(own)


def _try_out(engine: Engine, path: Path) -> None:
    """Make sure that a network which somebody else may have made gives probabilities.

    Raises:
        facelm.ModelError: It does not.
    """
    grey = np.full((1, 2 * STRIDE, 2 * STRIDE, 3), 128, np.uint8)
    found = engine.predict(grey)
    if found.shape != (1, len(engine.info.classes), *grey.shape[1:3]):
        raise ModelError(f"{path}: a picture of {grey.shape[1:3]} gives {found.shape[1:]}, not as many probabilities")
    if not np.isfinite(found).all():
        raise ModelError(f"{path}: what it computes are no finite numbers; its weights are damaged")


def may_have_gpu() -> bool:
    """Whether it is worth asking PyTorch for a GPU: the driver of one is installed."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()
    return True
