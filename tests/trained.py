"""What the runs of training tests have left."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from safetensors.torch import load_file


def history(folder: Path) -> list[dict[str, float]]:
    with (folder / "history.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def assert_same_run(first: Path, second: Path) -> None:
    assert (first / "history.csv").read_text() == (second / "history.csv").read_text()
    for name in ("best.safetensors", "last.ckpt"):
        one, other = load_file(first / name), load_file(second / name)
        assert one.keys() == other.keys()
        assert not [key for key in one if not torch.equal(one[key], other[key])]
