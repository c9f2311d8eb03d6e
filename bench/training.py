"""Compares a step of `facelm train` with a bare PyTorch loop on random tensors.

    python bench/training.py DATA [ENCODER]

DATA is a data folder of `facelm train`. Both train the same network on batches of 16 pictures of 256 px in the same
precision, in turns, and the median of their steps is told: the bare loop has forward pass, cross-entropy, backward pass
and AdamW; facelm has its own loss, the averaged weights, the clipped gradient, and reads and augments its pictures in a
process beside it.
"""

import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch.nn import functional

from facelm.engines import devices, model
from facelm.training.config import TrainConfig
from facelm.training.events import Event, Step
from facelm.training.train import Run

SIZE, BATCH = 256, 16
ROUNDS, STEPS, WARM = 3, 6, 2


def main(data: str, encoder: str) -> None:
    """Measure, and print a table."""
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare += run_bare(encoder)
        ours += run_facelm(data, encoder)
    table = Table("", "milliseconds a picture", "against the bare loop")
    for name, seconds in (("bare loop", bare), ("facelm train", ours)):
        table.add_row(
            name,
            f"{1e3 * statistics.median(seconds) / BATCH:.1f}",
            f"{statistics.median(seconds) / statistics.median(bare):.3f}",
        )
    Console(width=100).print(table)


def run_bare(encoder: str) -> list[float]:
    """Seconds of each step of a bare loop."""
    device = devices.pick_device("auto")
    precision = devices.pick_precision(device)
    network = model.build(model.describe(encoder, SIZE)).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters())
    rgb = torch.rand(BATCH, 3, SIZE, SIZE, device=device).contiguous(memory_format=torch.channels_last)
    mask = torch.randint(0, 19, (BATCH, SIZE, SIZE), device=device)
    times = []
    for _ in range(STEPS + WARM):
        begun = time.perf_counter()
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            logits = network(rgb)
        logits = functional.interpolate(logits.float(), mask.shape[1:], mode="bilinear")
        loss = functional.cross_entropy(logits, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        float(loss.item())  # waits for the device
        times.append(time.perf_counter() - begun)
    return times[WARM:]


def run_facelm(data: str, encoder: str) -> list[float]:
    """Seconds from step to step of facelm's own loop."""
    ends: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, Step):
            ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig((data,), str(Path(folder) / "run"), encoder=encoder, size=SIZE, batch=BATCH, workers=1)
        Run(config, on_event=note, should_stop=lambda: len(ends) > STEPS + WARM).train()
    return [after - before for before, after in pairwise(ends)][WARM:]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "resnet50")
