"""Fixtures for hostile files: a model that is as small as can be, to be spoilt."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import onnx
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from onnx import TensorProto, helper
from spoilt import INFO, WEIGHT

from facelm.engines import model
from facelm.engines.weights import METADATA_KEY, WEIGHTS_KEY, fingerprint

Weights = Mapping[str, torch.Tensor]


@pytest.fixture(scope="session")
def weights() -> Weights:
    """The weights of a network that fits `INFO`."""
    torch.manual_seed(0)
    return model.build(INFO).state_dict()


@pytest.fixture
def write_model(weights: Weights, tmp_path: Path) -> Callable[..., Path]:
    """Writes a model file with other metadata, or other weights: ``write_model(text, weights)``."""

    def write(text: str = json.dumps(asdict(INFO)), changed: Weights = weights) -> Path:
        path = tmp_path / "model.safetensors"
        path.write_bytes(safetensors.torch.save(dict(changed), {METADATA_KEY: text}))
        return path

    return write


@pytest.fixture
def write_copy(tmp_path: Path) -> Callable[..., Path]:
    """Writes a model file of one layer, and an ONNX copy of it as a test wants it; gives the model file.

    ``write_copy(nodes, tensors, outputs, info)``: without nodes it is a plain layer.
    """

    def write(
        nodes: Sequence[onnx.NodeProto] | None = None,
        tensors: Sequence[onnx.TensorProto] | None = None,
        outputs: Sequence[str] = ("logits",),
        info: str = json.dumps(asdict(INFO)),
    ) -> Path:
        path = tmp_path / "model.safetensors"
        path.write_bytes(safetensors.numpy.save({"weight": WEIGHT}, {METADATA_KEY: json.dumps(asdict(INFO))}))
        graph = helper.make_graph(
            [helper.make_node("Conv", ["rgb", "weight"], ["logits"])] if nodes is None else nodes,
            "network",
            [helper.make_tensor_value_info("rgb", TensorProto.FLOAT, ["N", 3, "H", "W"])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            [onnx.numpy_helper.from_array(WEIGHT, "weight")] if tensors is None else tensors,
        )
        copy = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        helper.set_model_props(copy, {METADATA_KEY: info, WEIGHTS_KEY: fingerprint(path)})
        path.with_suffix(".onnx").write_bytes(copy.SerializeToString())
        return path

    return write
