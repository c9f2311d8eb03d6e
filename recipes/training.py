"""The loop that trains the small networks: it goes on where it was left, and what comes out is an average."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from facelm.engines.devices import pick_precision

Batch = list[Tensor]


@dataclass(frozen=True)
class Plan:
    """How a network is trained, with AdamW and a rate that warms up and falls along a cosine.

    Attributes:
        steps: How many.
        rate: The highest learning rate.
        last: What is left of it at the end, a share.
        warm: Steps until it is reached.
        decay: Of weights; none of biases and of what normalises.
        average: Share of the moving average of the weights that stays in a step; less in the first steps.
        steps_to_save: Steps from one checkpoint to the next.
    """

    steps: int
    rate: float
    last: float
    warm: int
    decay: float
    average: float
    steps_to_save: int

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, from 0."""
        rate = self.rate * (self.last + (1 - self.last) * 0.5 * float(1 + np.cos(np.pi * step / self.steps)))
        return rate * min(1.0, (step + 1) / self.warm)


class _Batches(Dataset[Batch]):
    """The batches of the steps from one on."""

    def __init__(self, make: Callable[[int], Batch], first: int, steps: int) -> None:
        self.make, self.first, self.steps = make, first, steps

    def __len__(self) -> int:
        return self.steps - self.first

    def __getitem__(self, number: int) -> Batch:
        cv2.setNumThreads(1)
        return self.make(self.first + number)


def train(
    network: nn.Module,
    learned: list[nn.Parameter],
    plan: Plan,
    checkpoint: Path,
    open_data: Callable[[], Callable[[int], Batch]],
    see: Callable[[Tensor], Any],
    lose: Callable[..., tuple[Tensor, Mapping[str, float]]],
) -> None:
    """Train, or go on with what the checkpoint has; the network gets the moving average of its weights.

    Args:
        network: In the modes that its parts are to have.
        learned: Those of its weights that change.
        plan: How.
        checkpoint: The file; its folder is there.
        open_data: Gives what makes the batch of a step: pictures (B, 3, H, W) first. It is not called when all is done.
        see: What the network makes of pictures, in half precision where the processor has it.
        lose: The loss of what was seen and of the rest of the batch, and its parts to show.
    """
    heavy = [each for each in learned if each.ndim > 1]
    rest = [each for each in learned if each.ndim < 2]
    optimizer = torch.optim.AdamW([{"params": heavy, "weight_decay": plan.decay}, {"params": rest, "weight_decay": 0}])
    average = {name: values.clone() for name, values in network.state_dict().items()}
    done = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        average, done = state["average"], state["done"]
    precision = pick_precision(torch.device("cpu"))
    batches = _Batches(open_data(), done, plan.steps) if done < plan.steps else []
    with Progress() as progress:
        bar = progress.add_task("steps", total=plan.steps, completed=done)
        for rgb, *truth in DataLoader(batches, batch_size=None, num_workers=2, prefetch_factor=4) if batches else ():
            for group in optimizer.param_groups:
                group["lr"] = plan.rate_at(done)
            with torch.autocast("cpu", precision):
                found = see(rgb.float().contiguous(memory_format=torch.channels_last))
            loss, parts = lose(found, *truth)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learned, 5.0)
            optimizer.step()
            done += 1
            keep = min(plan.average, (1 + done) / (20 + done))
            for name, values in network.state_dict().items():
                average[name] = (
                    torch.lerp(values, average[name], keep) if values.is_floating_point() else values.clone()
                )
            progress.update(bar, advance=1, description=", ".join(f"{k} {v:.3f}" for k, v in parts.items()))
            if done % plan.steps_to_save == 0 or done == plan.steps:
                state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
                new = checkpoint.with_name("new.pt")
                torch.save(state | {"average": average, "done": done}, new)
                new.replace(checkpoint)
    network.load_state_dict(average)
    network.to(memory_format=torch.contiguous_format).eval()
