from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facelm import classes
from facelm.engines.openvino import Network, read, read_metadata
from facelm.landmarks.certainty import FEATURES
from facelm.landmarks.learned import CERTAINTY_KEY, SIDE, locate
from facelm.landmarks.points import MIRRORED_POINTS
from facelm.training.landmark_net import LandmarkNet, TwoLooks, save_landmark_net


@pytest.fixture(scope="module")
def network() -> LandmarkNet:
    torch.manual_seed(0)
    return LandmarkNet().eval()


@pytest.fixture(scope="module")
def regions() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, 19, SIDE, SIDE, generator=generator).softmax(1)


@torch.no_grad()
def test_points_lie_in_the_crop_and_have_an_error(network: LandmarkNet, regions: torch.Tensor) -> None:
    points, log_error = network(regions)
    assert points.shape == (1, 68, 2) and log_error.shape == (1, 68)
    assert points.min() > 0 and points.max() < 1
    assert log_error.isfinite().all()


@torch.no_grad()
def test_a_mirrored_face_has_mirrored_points(network: LandmarkNet, regions: torch.Tensor) -> None:
    both = TwoLooks(network)
    points, log_error = both(regions)
    turned, turned_error = both(regions[:, list(classes.MIRRORED)].flip(3))
    expected = points[:, list(MIRRORED_POINTS)] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    torch.testing.assert_close(turned, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(turned_error, log_error[:, list(MIRRORED_POINTS)], atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_written_network_finds_what_it_found(network: LandmarkNet, regions: torch.Tensor, tmp_path: Path) -> None:
    certainty = np.arange(FEATURES) / 7
    save_landmark_net(network, certainty, tmp_path / "net.onnx")
    model = read(tmp_path / "net.onnx")
    assert read_metadata(model, CERTAINTY_KEY) == str(certainty.tolist())
    found = locate(Network(model, exact=True), regions[0].numpy())
    points, log_error = TwoLooks(network)(regions)
    np.testing.assert_allclose(found.points, points[0].numpy() * SIDE - 0.5, atol=0.02)
    np.testing.assert_allclose(found.log_error, log_error[0].numpy(), atol=0.01)
