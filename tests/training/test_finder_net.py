from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facelm.engines.openvino import Network, keep_output, read, read_metadata, take_pixels
from facelm.finding.finder import CALIBRATION_KEY, OUTPUT_NAMES
from facelm.finding.grids import OUTPUTS, decode
from facelm.training.finder_net import FinderNet, save_finder


@pytest.fixture(scope="module")
def network() -> FinderNet:
    torch.manual_seed(0)
    return FinderNet().eval()


def test_there_is_a_prediction_for_each_place_of_each_grid(network: FinderNet) -> None:
    with torch.inference_mode():
        both = network(torch.zeros(2, 3, 64, 96))
    for raw in both:
        assert raw.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, OUTPUTS)
        assert len(decode(raw[0].numpy(), (64, 96), 0.5)) == 0


@pytest.mark.parametrize("what", OUTPUT_NAMES)
def test_each_of_its_looks_has_at_most_half_a_million_weights(network: FinderNet, what: str) -> None:
    parts = (network.stem, getattr(network, what))
    assert sum(each.numel() for part in parts for each in part.parameters()) <= 500_000


def test_the_file_gives_what_the_network_gives(network: FinderNet, tmp_path: Path) -> None:
    path = tmp_path / "finder.onnx"
    save_finder(network, (1.5, 0.5, -0.25), path)
    model = read(path)
    assert read_metadata(model, CALIBRATION_KEY) == "[1.5, 0.5, -0.25]"
    rgb = np.random.default_rng(0).integers(0, 256, (3, 96, 32, 3), np.uint8)
    with torch.inference_mode():
        both = network(torch.from_numpy(rgb).permute(0, 3, 1, 2).float())
    for name, expected in zip(OUTPUT_NAMES, both, strict=True):
        ready = Network(take_pixels(keep_output(read(path), name)).build(), exact=True)
        (found,) = ready(rgb)
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-3)
