"""What may be in an ONNX copy of a model: it is checked before OpenVINO, which believes what it reads, sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.external_data_helper import ExternalDataInfo

from facelm.engines.weights import WEIGHTS_KEY, fingerprint

OPERATORS = (
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "Conv", "DequantizeLinear",
    "Div", "Erf", "Flatten", "Gather", "Gelu", "GlobalAveragePool", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNormalization", "LayerNormalization", "LeakyRelu", "MatMul", "Max", "MaxPool", "Min", "Mul", "Neg",
    "PRelu", "Pad", "Pow", "QuantizeLinear", "ReduceMean", "ReduceSum", "Relu", "Reshape", "Resize", "Shape",
    "Sigmoid", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze",
)  # fmt: skip
"""What convolutional networks and transformers are made of: no loops, no branches, nothing that turns few into many."""

_MOST_VALUES = 1 << 16  # in what is computed from shapes alone
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)


def check_graph(path: Path, weights: Path) -> bool:
    """Make sure that an ONNX file is a plain network, with finite weights, in itself or in one model file.

    Args:
        path: The file.
        weights: The model file beside it, the only one that its weights may lie in.

    Returns:
        Whether it says that it was made of the model file as it is now; if not, it is not looked into.

    Raises:
        ValueError: It is something else; the message is one line.
        OSError: It cannot be read.
    """
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf's own
        raise ValueError("not an ONNX file, or damaged") from error
    if not model.graph.node:
        raise ValueError("a network of no layers, or damaged")
    if {entry.key: entry.value for entry in model.metadata_props}.get(WEIGHTS_KEY) != fingerprint(weights):
        return False
    if model.functions or any(attribute.HasField("g") or attribute.graphs for attribute in _attributes(model)):
        raise ValueError("graphs inside of graphs are refused")
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
            raise ValueError(f"operator {node.domain}{'.' if node.domain else ''}{node.op_type} is refused")
    size = weights.stat().st_size
    largest = _MOST_VALUES
    for tensor in _tensors(model):
        _check_place(tensor, weights.name, size)
        try:
            values = numpy_helper.to_array(tensor, str(weights.parent))
        except Exception as error:  # of onnx, whose own errors are of several kinds
            raise ValueError(f"{tensor.name} cannot be read") from error
        largest = max(largest, values.size)
        if tensor.data_type in _FLOATS and not np.isfinite(values).all():
            raise ValueError(f"{tensor.name} holds numbers that are not finite")
    _check_values(model, largest)
    return True


def _attributes(model: onnx.ModelProto) -> Iterator[onnx.AttributeProto]:
    for node in model.graph.node:
        yield from node.attribute


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    if model.graph.sparse_initializer:
        raise ValueError("sparse weights are refused")
    for attribute in _attributes(model):
        if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
            raise ValueError("sparse weights are refused")
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors


def _check_place(tensor: onnx.TensorProto, name: str, size: int) -> None:
    """Make sure that weights which are elsewhere are in a model file of some size."""
    if tensor.data_location != onnx.TensorProto.EXTERNAL and not tensor.external_data:
        return
    try:
        place = ExternalDataInfo(tensor)
        start, length = int(place.offset or 0), int(place.length or 0)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{tensor.name}: where it lies cannot be told") from error
    if place.location != name or os.sep in name:
        raise ValueError(f"{tensor.name} lies in {place.location}; weights may lie in {name} only")
    if start < 0 or length < 0 or start + length > size:
        raise ValueError(f"{tensor.name} lies beyond the end of {name}")


def _check_values(model: onnx.ModelProto, most: int) -> None:
    """Make sure that what is computed from shapes and weights alone, which is done in advance, stays small."""
    try:
        known = onnx.shape_inference.infer_shapes(model, strict_mode=False).graph.value_info
    except Exception as error:  # its errors are of several kinds
        raise ValueError("its shapes cannot be told") from error
    shapes = {each.name: each.type.tensor_type for each in known}
    given = {each.name for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "Shape" and not all(name in given for name in node.input if name):
            continue
        given.update(node.output)
        for name in node.output:
            lengths = [axis.dim_value for axis in shapes[name].shape.dim] if name in shapes else [0]
            if 0 in lengths or np.prod(lengths, dtype=float) > most:
                raise ValueError(f"{name}, which needs no picture, is too large, or of no known size")
