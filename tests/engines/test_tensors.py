from __future__ import annotations

import pytest
import torch

from facelm.engines.tensors import check_decoder, find_infinite
from facelm.engines.weights import ModelInfo

INFO = ModelInfo("resnet18", (4, 2))


def decoder(*channels: int) -> dict[str, torch.Tensor]:
    return {f"decoder.blocks.{block}.conv1.0.weight": torch.zeros(count, 3) for block, count in enumerate(channels)}


def test_a_tensor_that_is_not_finite_is_found() -> None:
    weights = {"a": torch.zeros(3), "b": torch.arange(3)}
    assert find_infinite(weights) is None
    assert find_infinite(weights | {"c": torch.tensor([0, float("nan")]), "d": torch.tensor(float("inf"))}) == "c"


def test_a_decoder_is_the_one_that_is_described() -> None:
    check_decoder(INFO, decoder(4, 2))
    for wrong in (decoder(4, 3), decoder(4), {"decoder.blocks.0.conv1.0.weight": torch.tensor(1.0)}):
        with pytest.raises(ValueError, match=r"decoder\.blocks"):
            check_decoder(INFO, wrong)
