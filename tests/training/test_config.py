from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from facelm.training.config import TrainConfig, TrainError

CONFIG = TrainConfig(("a", "b"), "runs/x", val=("c",), size=64, lr=0.5, init="start.pth")


def write(folder: Path, text: str) -> Path:
    (folder / "config.json").write_text(text)
    return folder


def test_a_configuration_is_read_back_and_belongs_to_its_folder(tmp_path: Path) -> None:
    loaded = TrainConfig.load(write(tmp_path, json.dumps(asdict(CONFIG))))
    assert loaded == replace(CONFIG, out=str(tmp_path))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"data": ["a"], "colour": 1}', '{"data": [], "size": "x"}'])
def test_a_folder_without_a_run(tmp_path: Path, text: str) -> None:
    with pytest.raises(TrainError, match="holds no run that can be resumed") as caught:
        TrainConfig.load(write(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path))
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="holds no run"):
        TrainConfig.load(tmp_path / "none")


@pytest.mark.parametrize("size", [0, -32, 33, 100])
def test_sizes_are_multiples_of_32(size: int) -> None:
    with pytest.raises(TrainError, match=f"--size {size}: wanted is a multiple of 32"):
        replace(CONFIG, size=size)


@pytest.mark.parametrize("change", [{"epochs": 0}, {"batch": 0}, {"lr": 0.0}, {"lr": -1.0}, {"workers": -1}])
def test_numbers_out_of_range(change: dict[str, int]) -> None:
    with pytest.raises(TrainError, match=f"--{next(iter(change))} .*: wanted is a"):
        replace(CONFIG, **change)


def test_a_batch_of_one_pixel_cannot_be_normalised() -> None:
    with pytest.raises(TrainError, match="too little for batch normalisation"):
        replace(CONFIG, size=32, batch=1)
