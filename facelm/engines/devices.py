"""What PyTorch runs on, and in which precision it trains there."""

from __future__ import annotations

import torch

from facelm.engines.weights import ModelError

DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str) -> torch.device:
    """Pick the device to run on.

    Args:
        name: ``cpu``, ``cuda`` (or ``cuda:1``), ``mps``; ``auto`` takes the first of CUDA, MPS and the CPU
            that is there.

    Raises:
        ModelError: The name is unknown, or this machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"--device {name}: unknown; wanted is one of {', '.join(DEVICES)}") from error
    if device.type not in available:
        raise ModelError(f"--device {name}: unknown; wanted is one of {', '.join(DEVICES)}")
    if not available[device.type] or (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()):
        raise ModelError(f"--device {name}: not available on this machine")
    return device


def pick_precision(device: torch.device) -> torch.dtype:
    """Pick the precision to train in: bfloat16 where the device has it, float16 on old CUDA, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return torch.float32
