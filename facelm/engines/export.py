"""Export: a network as ONNX, for the engine that runs it on the CPU and for programs that know nothing of PyTorch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data
from onnxscript.optimizer import fold_constants, remove_unused_nodes
from torch import Tensor, nn

from facelm.engines.model import load_model, normalise
from facelm.engines.weights import (
    METADATA_KEY,
    WEIGHTS_KEY,
    ModelError,
    ModelInfo,
    exported_path,
    find_weights,
    fingerprint,
    quantised_path,
)
from facelm.pictures import files

OPSET = 18
_EXAMPLE_SIDE = 64
_HALF = ".half"
_LARGE = 1024  # numbers in a tensor that is worth a cast


class _FromPixels(nn.Module):
    """A network with its normalisation: RGB (N, 3, H, W) float32 from 0 to 255 -> logits (N, 19, H, W)."""

    def __init__(self, network: nn.Module, info: ModelInfo) -> None:
        super().__init__()
        self.network, self.info = network, info

    def forward(self, rgb: Tensor) -> Tensor:
        logits: Tensor = self.network(normalise(self.info, rgb))
        return logits


def export(weights: str, out: Path | None = None, overwrite: bool = False) -> Path:
    """Export a model of facelm's.

    The input ``rgb`` is (N, 3, H, W) float32 from 0 to 255, upright, H and W multiples of 32; the output ``logits`` is
    (N, 19, H, W) float32. N, H and W are free. Weights are stored in half precision where that loses nothing; an export
    beside the model only refers to those in the model file, as external data.

    Args:
        weights: Name of a shipped model, or path of one that ``facelm train`` wrote.
        out: The file; by default beside the weights, where ``FaceParser`` finds it and uses it on the CPU.
        overwrite: Write over a file that is there; never over the model itself.

    Returns:
        The file.

    Raises:
        facelm.ModelError: The model is not there, or damaged; or the file is there.
        facelm.ImageError: The file cannot be written.
    """
    path = find_weights(weights)
    out = out or exported_path(path)
    if os.path.realpath(out) == os.path.realpath(path):
        raise ModelError(f"{out}: is the model itself, over which nothing is written")
    if files.exists(out) and not overwrite:
        raise ModelError(f"{out} exists already: --overwrite writes it anew")
    network, info = load_model(weights, torch.device("cpu"))
    network = _FromPixels(network.to(memory_format=torch.contiguous_format), info).eval()
    model = to_onnx(network, {"rgb": torch.zeros(2, 3, _EXAMPLE_SIDE, 2 * _EXAMPLE_SIDE)}, ("logits",), "NHW")
    write_export(model, info, path, out)
    return out


def write_export(model: onnx.ModelProto, info: ModelInfo, weights: Path, out: Path) -> None:
    """Write a network that was made of a model file.

    Args:
        model: The network.
        info: What the model file says of it.
        weights: The model file.
        out: Where to. Beside the model file it takes its weights from there, elsewhere it stands alone.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    if out in (exported_path(weights), quantised_path(weights)):
        _refer(model, weights)
    write_onnx(model, {METADATA_KEY: json.dumps(asdict(info)), WEIGHTS_KEY: fingerprint(weights)}, out)


def to_onnx(network: nn.Module, examples: Mapping[str, Tensor], outputs: tuple[str, ...], free: str) -> onnx.ModelProto:
    """A network as ONNX.

    Args:
        network: In evaluation mode, on the CPU.
        examples: Its inputs in their order, by name; axes of length one cannot be free.
        outputs: Names of the outputs.
        free: Which of the axes N, C, H and W of all inputs may have any length.
    """
    axes = {axis: letter for axis, letter in enumerate("NCHW") if letter in free}
    program = torch.onnx.export(
        network,
        tuple(examples.values()),
        input_names=list(examples),
        output_names=list(outputs),
        dynamic_shapes=(axes,) * len(examples),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
        optimize=False,
    )
    assert program is not None
    # The exporter's own optimisation also merges normalisation into the weights, which then need twice the space.
    fold_constants(program.model)
    remove_unused_nodes(program.model)
    model: onnx.ModelProto = program.model_proto
    # The exporter notes for each node which lines of which files made it, on the machine where it ran.
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
    halve(model)
    onnx.checker.check_model(model)
    return model


def write_onnx(model: onnx.ModelProto, metadata: dict[str, str], path: Path) -> None:
    """Write a network and what is to be known of it, whole or not at all.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    helper.set_model_props(model, metadata)
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _refer(model: onnx.ModelProto, path: Path) -> None:
    """Leave the weights that are in a safetensors file there, and say where: its tensors lie in it as ONNX has them."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    entries = json.loads(data[8:start])
    for tensor in model.graph.initializer:
        entry = entries.get(tensor.name.removeprefix("network.").removesuffix(_HALF))
        if entry is None:
            continue
        first, last = entry["data_offsets"]
        if data[start + first : start + last] == tensor.raw_data:
            set_external_data(tensor, path.name, start + first, last - first)
            tensor.ClearField("raw_data")


def halve(model: onnx.ModelProto) -> None:
    """Store the weights that are half precision numbers as such; runtimes cast them back when they load the file."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LARGE:
            continue
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}{_HALF}"))
        casts.append(helper.make_node("Cast", [f"{name}{_HALF}"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
