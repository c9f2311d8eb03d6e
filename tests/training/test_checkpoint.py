from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from facelm.pictures.files import ImageError
from facelm.training.checkpoint import load_checkpoint, save_checkpoint

STATE = {"epoch": 3, "best_f1": 0.1 + 0.2, "history": [{"loss": float("nan")}]}
Parts = tuple[nn.Module, nn.Module, torch.optim.Optimizer]


def parts(width: int = 4) -> Parts:
    network = nn.Linear(3, width)
    return network, nn.Linear(3, width), torch.optim.AdamW(network.parameters(), 0.1)


def train(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    network(torch.rand(5, 3)).square().sum().backward()
    optimizer.step()


def test_a_run_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    network, average, optimizer = parts()
    train(network, optimizer)
    network.zero_grad()
    save_checkpoint(tmp_path / "x.ckpt", network, average, optimizer, STATE)
    train(network, optimizer)
    restored, restored_average, restored_optimizer = parts()
    state = load_checkpoint(tmp_path / "x.ckpt", restored, restored_average, restored_optimizer)
    assert (state["epoch"], state["best_f1"], str(state["history"])) == (3, 0.1 + 0.2, str(STATE["history"]))
    assert torch.equal(restored_average.weight, average.weight)
    train(restored, restored_optimizer)
    torch.testing.assert_close(restored.state_dict(), network.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(restored_optimizer.state_dict(), optimizer.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("content", [None, b"", b"text", b"\xff" * 100])
def test_a_missing_or_damaged_file_is_a_value_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.ckpt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.ckpt: not a checkpoint of this run") as caught:
        load_checkpoint(path, *parts())
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("metadata", [None, {"other": "{}"}, {"state": "{"}, {"state": "{}"}])
def test_a_foreign_file_is_a_value_error(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "x.ckpt", metadata)
    with pytest.raises(ValueError, match="not a checkpoint"):
        load_checkpoint(tmp_path / "x.ckpt", *parts())


def test_the_checkpoint_of_another_network_is_a_value_error(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "x.ckpt", *parts(4), STATE)
    with pytest.raises(ValueError, match="not a checkpoint") as caught:
        load_checkpoint(tmp_path / "x.ckpt", *parts(5))
    assert len(str(caught.value).splitlines()) == 1


def test_a_checkpoint_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="cannot be written"):
        save_checkpoint(tmp_path / "file" / "x.ckpt", *parts(), STATE)
