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

from facelm.engines.tensors import find_infinite
from facelm.pictures import files, values

_METADATA_KEY = "state"
_NUMBERS = values.Rule(
    "numbers by name", lambda row: isinstance(row, dict) and {type(n) for n in row.values()} <= {int, float}
)
_COUNT = values.whole(0, 1 << 40)
_STATE = {
    "epoch": _COUNT,
    "step": _COUNT,
    "loss_sum": values.number(-1e30, 1e30),
    "best_f1": values.number(-1, 1),
    "history": values.several(_NUMBERS),
    "schedule": _COUNT,
    "scaler": _NUMBERS,
    "data": values.text(),
}
"""The one schema of what a checkpoint says beside its tensors."""

_MOMENTS = frozenset({"step", "exp_avg", "exp_avg_sq"})


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
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
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
            state: dict[str, Any] = values.parse_json(file.metadata()[_METADATA_KEY], constants=True)
            values.check(values.as_tuples(state), _STATE)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if (name := find_infinite(tensors)) is not None:
            raise ValueError(f"{name} holds numbers that are not finite")
        network.load_state_dict(_below(tensors, "network."))
        average.load_state_dict(_below(tensors, "average."))
        _load_optimizer(optimizer, _below(tensors, "optimizer."))
        torch.set_rng_state(tensors["random"])
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path}: not a checkpoint of this run ({cause})") from error
    return state


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Load the state of AdamW: for each weight that has had a gradient how many, and two moments.

    Raises:
        ValueError: It is the state of something else.
    """
    state: dict[int, dict[str, Tensor]] = {}
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        if not index.isdecimal() or int(index) >= len(weights) or key not in _MOMENTS:
            raise ValueError(f"optimizer.{name} is not of this run")
        weight = weights[int(index)]
        if value.shape != (() if key == "step" else weight.shape):
            raise ValueError(f"optimizer.{name} has the shape {tuple(value.shape)}")
        # A fused step takes for granted that moments lie in memory as weights do, channels last.
        fitting = value.float() if key == "step" else torch.empty_like(weight).copy_(value)
        state.setdefault(int(index), {})[key] = fitting
    for number, moments in state.items():
        if missing := _MOMENTS - moments.keys():
            raise ValueError(f"optimizer.{number}.{min(missing)} is missing")
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
