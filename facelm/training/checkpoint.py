"""The checkpoint of a training run: all that the run needs to go on as if it had never stopped.

It is a safetensors file, so reading one that somebody sent runs nothing; counters are JSON in its metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from facelm.pictures import files

_METADATA_KEY = "state"


def save_checkpoint(
    path: Path,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Any],
) -> None:
    """Write a checkpoint, whole or not at all, with the state of PyTorch's random numbers.

    Args:
        path: The file.
        network: The network in training.
        average: The average of its weights.
        optimizer: The optimizer, whose state is all tensors, as AdamW's is.
        state: All else, as JSON can hold it.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
    tensors["random"] = torch.get_rng_state()
    # Cloned, for safetensors refuses tensors that share their memory.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, {_METADATA_KEY: json.dumps(state)}))


def load_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Read a checkpoint into the objects of a run, which must be built as they were when it was written.

    Args:
        path: The file.
        network: Gets its weights.
        average: Gets its weights.
        optimizer: Gets its state; its learning rate is left as it is.

    Returns:
        The ``state`` that was saved.

    Raises:
        ValueError: The file is missing or damaged, or belongs to another run; the message is one line.
    """
    try:
        with safe_open(path, "pt") as file:
            state: dict[str, Any] = json.loads(file.metadata()[_METADATA_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        network.load_state_dict(_below(tensors, "network."))
        average.load_state_dict(_below(tensors, "average."))
        _load_optimizer(optimizer, _below(tensors, "optimizer."))
        torch.set_rng_state(tensors["random"])
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError) as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path}: not a checkpoint of this run ({cause})") from error
    return state


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for name, value in tensors.items():
        index, key = name.split(".")
        weight = weights[int(index)]
        # A fused step takes for granted that moments lie in memory as weights do, channels last.
        fitting = torch.empty_like(weight).copy_(value) if value.shape == weight.shape else value
        state.setdefault(int(index), {})[key] = fitting
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
