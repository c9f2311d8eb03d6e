from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facelm.engines.openvino import Network, read, read_metadata, take_pixels
from facelm.hands.reader import CERTAINTY_KEY, SIDE
from facelm.training.hand_net import HandNet, save_hand_net


@pytest.fixture(scope="module")
def network() -> HandNet:
    torch.manual_seed(0)
    return HandNet().eval()


@torch.no_grad()
def test_points_lie_in_the_crop_and_have_an_error_a_hand_and_a_side(network: HandNet) -> None:
    points, log_error, hand = network(255 * torch.rand(2, 3, SIDE, SIDE))
    assert points.shape == (2, 21, 3) and log_error.shape == (2, 21) and hand.shape == (2, 2)
    assert points[..., :2].min() > 0 and points[..., :2].max() < 1
    assert log_error.isfinite().all() and hand.isfinite().all()


def test_it_has_at_most_two_million_weights(network: HandNet) -> None:
    assert sum(each.numel() for each in network.parameters()) <= 2_000_000


@torch.no_grad()
def test_a_written_network_finds_what_it_found(network: HandNet, tmp_path: Path) -> None:
    save_hand_net(network, (-1.5, -2.0), tmp_path / "net.onnx")
    model = read(tmp_path / "net.onnx")
    assert read_metadata(model, CERTAINTY_KEY) == "[-1.5, -2.0]"
    rgb = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    found = Network(take_pixels(model).build(), exact=True)(rgb)
    for got, expected in zip(found, network(torch.from_numpy(rgb).permute(0, 3, 1, 2).float()), strict=True):
        np.testing.assert_allclose(got, expected.numpy(), atol=2e-3)
