"""ONNX copies of models that mean ill: where their weights lie, what they compute, and how large it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from spoilt import INFO, WEIGHT, refusal

from facelm.engines.open import open_engine
from facelm.engines.openvino import OpenVinoEngine

SIZE = WEIGHT.nbytes


def external(location: str, offset: int | str = 0, length: int | str = SIZE) -> onnx.TensorProto:
    """The weights of the copy, somewhere else."""
    tensor = numpy_helper.from_array(WEIGHT, "weight")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


PLACES = {
    "an address in memory": ("*/_ORT_MEM_ADDR_/*", 94_000_000_000_000, SIZE),
    "a file of the system": ("/etc/passwd", 0, SIZE),
    "a file outside": ("../secret", 0, SIZE),
    "a file below": ("below/model.safetensors", 0, SIZE),
    "the model file by a detour": ("./model.safetensors", 0, SIZE),
    "another model's file": ("other.safetensors", 0, SIZE),
    "nowhere": ("", 0, SIZE),
    "beyond the end": ("model.safetensors", 10**6, SIZE),
    "over the end": ("model.safetensors", 100, 10**9),
    "before the start": ("model.safetensors", -8, SIZE),
    "no number": ("model.safetensors", "x", SIZE),
    "of 400 digits": ("model.safetensors", "9" * 400, SIZE),
    "fewer than wanted": ("model.safetensors", 0, 4),
}


@pytest.mark.parametrize("kind", PLACES)
def test_weights_lie_in_the_copy_or_in_the_model_file(kind: str, write_copy: Callable[..., Path]) -> None:
    assert "weight" in refusal(write_copy(tensors=[external(*PLACES[kind])]))


def test_weights_in_a_constant_are_weights_too(write_copy: Callable[..., Path]) -> None:
    constant = helper.make_node("Constant", [], ["weight"], value=external("*/_ORT_MEM_ADDR_/*", 4096))
    layer = helper.make_node("Conv", ["rgb", "weight"], ["logits"])
    assert "weights may lie in model.safetensors only" in refusal(write_copy([constant, layer], []))


def test_weights_that_lie_where_they_should_are_read(write_copy: Callable[..., Path]) -> None:
    path = write_copy()
    start = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    inside = open_engine(str(path), "cpu")
    outside = open_engine(str(write_copy(tensors=[external(path.name, start)])), "cpu")
    rgb = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    assert isinstance(inside, OpenVinoEngine) and isinstance(outside, OpenVinoEngine)
    np.testing.assert_array_equal(inside.predict(rgb), outside.predict(rgb))


def node(kind: str, inputs: list[str], output: str = "logits", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [output], **attributes)


def loop() -> onnx.NodeProto:
    """A loop that never ends."""
    true = helper.make_tensor_value_info("true", TensorProto.BOOL, [])
    rounds = helper.make_tensor_value_info("round", TensorProto.INT64, [])
    body = helper.make_graph([node("Identity", ["true"], "again")], "body", [rounds, true], [true])
    return helper.make_node("Loop", ["", "true"], ["logits"], body=body)


def doubling(first: list[onnx.NodeProto], name: str, rounds: int) -> list[onnx.NodeProto]:
    """Nodes each of whose outputs is twice as long as the one before."""
    names = [name, *(f"{name}{number}" for number in range(rounds - 1)), "logits"]
    return first + [node("Concat", [a, a], b, axis=0) for a, b in pairwise(names)]


def ints(name: str, *values: int) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def floats(name: str, *values: float) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)


LAYER = node("Conv", ["rgb", "weight"], "seen")
PLAIN = numpy_helper.from_array(WEIGHT, "weight")
SPOILT = WEIGHT.copy()
SPOILT[3, 1] = np.nan

GRAPHS: dict[str, tuple[list[onnx.NodeProto], list[onnx.TensorProto]]] = {
    "a loop without an end": ([loop()], []),
    "an operator of somebody's own": ([node("Mine", ["rgb"], domain="com.example")], []),
    "an operator that nothing knows": ([node("Teleport", ["rgb"])], []),
    "an operator that makes much of little": ([node("ConstantOfShape", ["shape"])], [ints("shape", 10**9)]),
    "another one": ([node("Expand", ["rgb", "shape"])], [ints("shape", 10**4, 3, 10**3, 10**3)]),
    "no operator": ([], []),
    "one class": ([LAYER, node("Slice", ["seen", "0", "1", "1"])], [PLAIN, ints("0", 0), ints("1", 1)]),
    "the picture itself": ([node("Identity", ["rgb"])], []),
    "a larger mask": ([LAYER, node("Resize", ["seen", "", "by"])], [PLAIN, floats("by", 1, 1, 2, 2)]),
    "a mask of 10^9": ([LAYER, node("Resize", ["seen", "", "by"])], [PLAIN, floats("by", 1, 1, 500, 500)]),
    "10^11 on the way": (
        [
            node("Conv", ["rgb", "weight"], "seen"),
            node("Resize", ["seen", "", "up"], "large"),
            node("Resize", ["large", "", "down"]),
        ],
        [PLAIN, floats("up", 1, 1, 1e3, 1e3), floats("down", 1, 1, 1e-3, 1e-3)],
    ),
    "shapes that double": (doubling([node("Shape", ["rgb"], "shape")], "shape", 40), []),
    "weights that double": (doubling([], "weight", 40), [PLAIN]),
    "shapes of no known size": (
        [node("Shape", ["rgb"], "shape"), node("Slice", ["shape", "shape", "shape"], "some"), *doubling([], "some", 9)],
        [],
    ),
    "weights that are not finite": ([node("Conv", ["rgb", "weight"])], [numpy_helper.from_array(SPOILT, "weight")]),
    "weights that overflow": ([node("Conv", ["rgb", "weight"])], [numpy_helper.from_array(WEIGHT * 1e38, "weight")]),
    "weights of a negative length": (
        [node("Conv", ["rgb", "weight"])],
        [TensorProto(name="weight", data_type=TensorProto.FLOAT, dims=[-1])],
    ),
    "no weights": ([node("Conv", ["rgb", "weight"])], []),
}


@pytest.mark.parametrize("kind", GRAPHS)
def test_a_copy_is_a_plain_network_of_the_right_shape(kind: str, write_copy: Callable[..., Path]) -> None:
    refusal(write_copy(*GRAPHS[kind]))


def test_a_copy_with_two_outputs_is_refused(write_copy: Callable[..., Path]) -> None:
    refusal(write_copy([LAYER, node("Identity", ["seen"])], [PLAIN], ["logits", "seen"]))


@pytest.mark.parametrize("change", [{"size": 96}, {"size": 9_984}, {"size": 40_000}, {"mean": "x"}, {"data": ["x"]}])
def test_a_copy_says_what_its_model_says(change: dict[str, object], write_copy: Callable[..., Path]) -> None:
    refusal(write_copy(info=json.dumps(asdict(INFO) | change)))


@pytest.mark.parametrize("content", [b"", b"\xff" * 5000, b"text", b"\x08\x09" * 1000])
def test_a_copy_that_is_no_onnx_is_named(content: bytes, write_copy: Callable[..., Path]) -> None:
    path = write_copy()
    path.with_suffix(".onnx").write_bytes(content)
    assert "cannot be read as ONNX" in refusal(path) and "facelm export" in refusal(path)


def test_what_was_made_of_another_model_is_not_looked_into(write_copy: Callable[..., Path]) -> None:
    path = write_copy([loop()], [])
    path.write_bytes(path.read_bytes().replace(b"drawn/faces", b"other/faces"))
    assert "missing key decoder" in refusal(path)  # of the model file, which PyTorch is to open then
