from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from facelm.engines.openvino import Network, read, read_metadata, take_pixels
from facelm.finding import finder
from facelm.landmarks.certainty import FEATURES
from facelm.landmarks.learned import CERTAINTY_KEY, OUTPUTS, REGION_VIEW, VIEW
from facelm.training.landmark_net import LandmarkNet, save_landmark_net

Seen = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def network() -> LandmarkNet:
    torch.manual_seed(0)
    return LandmarkNet().eval()


@pytest.fixture(scope="module")
def seen() -> Seen:
    generator = torch.Generator().manual_seed(1)
    rgb = torch.randint(0, 256, (1, 3, *VIEW[::-1]), generator=generator).float()
    return rgb, torch.rand(1, 19, *REGION_VIEW[::-1], generator=generator).softmax(1)


@torch.no_grad()
def test_points_lie_in_the_view_and_have_an_error(network: LandmarkNet, seen: Seen) -> None:
    points, log_error, covered, heat = network(*seen)
    assert points.shape == (1, OUTPUTS, 2) and log_error.shape == covered.shape == (1, OUTPUTS)
    assert points.min() > 0 and points.max() < 1
    assert log_error.isfinite().all() and heat.shape == (1, OUTPUTS, VIEW[1] // 4, VIEW[0] // 4)


@torch.no_grad()
def test_both_photograph_and_regions_count(network: LandmarkNet, seen: Seen) -> None:
    rgb, regions = seen
    points = network(*seen)[0]
    for other in (network(rgb * 0, regions)[0], network(rgb, regions * 0)[0]):
        assert (other - points).abs().max() > 1e-5


def test_it_begins_with_the_weights_of_the_finder() -> None:
    model = onnx.load(Path(finder.__file__).with_name("finder.onnx"))
    weights = {each.name.removesuffix(".half"): numpy_helper.to_array(each) for each in model.graph.initializer}
    network = LandmarkNet()
    network.borrow(weights)
    own = dict(network.named_parameters())
    for theirs, ours in {
        "stem.0.0.weight": "stem.0.0.weight",
        "stem.2.way.1.weight": "levels.0.0.way.1.weight",
        "faces.levels.0.1.way.2.bias": "levels.1.1.way.2.bias",
        "faces.lateral.2.0.weight": "lateral.3.0.weight",
    }.items():
        assert np.array_equal(own[ours].detach().numpy(), weights[theirs].astype(np.float32)), ours


@torch.no_grad()
def test_a_written_network_finds_what_it_found(network: LandmarkNet, seen: Seen, tmp_path: Path) -> None:
    certainty = np.arange(FEATURES) / 7
    save_landmark_net(network, certainty, tmp_path / "net.onnx")
    model = read(tmp_path / "net.onnx")
    assert read_metadata(model, CERTAINTY_KEY) == str(certainty.tolist())
    rgb, regions = seen
    found = Network(take_pixels(model).build(), exact=True)(
        rgb.permute(0, 2, 3, 1).numpy().astype(np.uint8), regions.numpy()
    )
    for got, expected, within in zip(found, network(*seen), (1e-3, 0.01, 0.01), strict=False):
        np.testing.assert_allclose(got, expected.numpy(), atol=within)
