from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import openvino
import pytest
from common import ROOT
from numpy.typing import NDArray
from openvino import opset13 as operations

from facelm.engines.openvino import CORE, read
from facelm.engines.upsampling import fold_upsampling

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def compute(model: openvino.Model, rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = CORE.compile_model(model, "CPU", EXACT)(rgb)[0]
    return found


def build(times: int = 2, mode: str = "nearest", kernel: int = 3) -> openvino.Model:
    """Enlarged features and others beside them, convolved."""
    numbers = np.random.default_rng(0)
    rgb = operations.parameter([-1, 3, -1, -1], np.float32)
    small = operations.avg_pool(rgb, [times] * 2, [0, 0], [0, 0], [times] * 2, False)
    scales = operations.constant(np.full(2, times, np.float32))
    large = operations.interpolate(
        small, scales, mode, "scales", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        axes=operations.constant([2, 3]),
    )  # fmt: skip
    joined = operations.concat([large, operations.relu(rgb)], 1)
    weights = operations.constant(numbers.normal(size=(5, 6, kernel, kernel)).astype(np.float32))
    edge = [kernel // 2] * 2
    return openvino.Model([operations.convolution(joined, weights, [1, 1], edge, edge, [1, 1])], [rgb])


def kinds(model: openvino.Model) -> Sequence[str]:
    return [node.get_type_name() for node in model.get_ops()]


def test_a_folded_network_is_the_same_function() -> None:
    rgb = np.random.default_rng(1).normal(size=(2, 3, 36, 52)).astype(np.float32)
    model = build()
    expected = compute(model, rgb)
    fold_upsampling(model)
    assert "Interpolate" not in kinds(model) and "Concat" not in kinds(model)
    np.testing.assert_allclose(compute(model, rgb), expected, atol=1e-4)


@pytest.mark.parametrize("options", [{"times": 4}, {"mode": "linear_onnx"}, {"kernel": 5}])
def test_what_is_enlarged_otherwise_stays(options: dict[str, int | str]) -> None:
    model = build(**options)  # type: ignore[arg-type]
    before = kinds(model)
    fold_upsampling(model)
    assert kinds(model) == before


@pytest.mark.parametrize("name", ["lite.onnx", "resnet50.onnx", "lite.int8.onnx"])
def test_shipped_networks_say_the_same_without_enlarged_features(name: str) -> None:
    rgb = np.random.default_rng(2).uniform(0, 255, (1, 3, 96, 64)).astype(np.float32)
    before, after = read(ROOT / "weights" / name), read(ROOT / "weights" / name)
    fold_upsampling(after)
    assert kinds(after).count("Interpolate") < kinds(before).count("Interpolate")
    away = np.abs(compute(after, rgb) - compute(before, rgb))
    if "int8" in name:  # a rounding that falls elsewhere is a whole step of eight bits
        assert away.max() < 0.5 and np.quantile(away, 0.98) < 0.02
    else:
        assert away.max() < 0.002
