"""Two processes over gloo have to do what one does with the whole batch."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from common import ROOT
from torch import Tensor, multiprocessing, nn

from facelm.training import distributed
from facelm.training.config import TrainConfig, TrainError
from facelm.training.losses import DiceCrossEntropy
from facelm.training.train import Run


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 19, 1))


def make_batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    target = torch.randint(0, 19, (4, 8, 8), generator=generator)
    target[0, :6] = 255  # the shares of the processes are not alike
    target[1] = 3
    return torch.randn(4, 3, 8, 8, generator=generator) * torch.tensor([1, 2, 3, 4]).view(4, 1, 1, 1), target


def take_steps(share: slice) -> tuple[list[float], dict[str, Tensor]]:
    network = make_network()
    trained = distributed.divide(network, torch.device("cpu"))
    loss = DiceCrossEntropy(distributed.total)
    optimizer = torch.optim.SGD(network.parameters(), 0.5)
    rgb, target = make_batch()
    losses = []
    for _ in range(3):
        value = loss(trained(rgb[share]), target[share])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    return losses, network.state_dict()


def work(rank: int, folder: Path) -> None:
    """One of two processes."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2)
    flags = distributed.any_of(rank == 1, torch.device("cpu")), distributed.any_of(False, torch.device("cpu"))
    losses, state = take_steps(slice(rank, None, 2))
    torch.save({"losses": losses, "state": state, "flags": flags}, folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    multiprocessing.spawn(work, (tmp_path,), nprocs=2)
    losses, state = take_steps(slice(None))
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found["losses"] == pytest.approx(losses, rel=1e-5)
        assert found["state"].keys() == state.keys()
        for name, wanted in state.items():
            torch.testing.assert_close(found["state"][name], wanted, rtol=1e-4, atol=1e-6)
        assert found["flags"] == (True, False)


def history(run: Path) -> np.ndarray:
    with (run / "history.csv").open() as file:
        return np.array([[float(row["train_loss"]), float(row["val_loss"])] for row in csv.DictReader(file)])


def test_torchrun_trains_as_one_process_does(
    facelm: Callable[..., subprocess.CompletedProcess[str]], faces: Path, tmp_path: Path
) -> None:
    command = [
        "train", "--data", faces, "--val", faces, "--encoder", "mobilenet_v2", "--size", "64", "--batch", "4",
        "--epochs", "2", "--workers", "0", "--device", "cpu", "--out",
    ]  # fmt: skip
    alone = facelm(*command, tmp_path / "one")
    assert alone.returncode == 0, alone.stderr
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "facelm"]
    together = subprocess.run(
        [*launcher, *command, tmp_path / "two"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert together.returncode == 0, together.stderr
    assert together.stdout.split() == [str(tmp_path / "two" / "best.safetensors")]  # one process reports
    assert together.stderr.count("epoch 1/2") == 1
    one, two = history(tmp_path / "one"), history(tmp_path / "two")
    assert one.shape == (2, 2)
    # Where the CPU has bfloat16, its rounding differs with the shares.
    np.testing.assert_allclose(two, one, rtol=0.02)


def test_a_batch_that_cannot_be_shared_is_said(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facelm.training.distributed.world", lambda: 2)
    with pytest.raises(TrainError, match="--batch 3: not divisible among 2 processes"):
        Run(config)
