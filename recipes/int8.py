"""Quantises what comes last in an exported model to eight bits, for processors that do not compute in sixteen.

    pip install nncf onnxruntime
    python recipes/int8.py MODEL PORTRAITS

MODEL is the name of a shipped model or the path of one that `facelm export` was run on, PORTRAITS a folder of pictures
to learn from how large numbers become in the network. It writes MODEL.int8.onnx beside the model. Like the export it
takes its weights from the model's file: only scales are new.
"""

import random
import re
import sys
from copy import deepcopy
from pathlib import Path

import nncf
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from facelm.engines import export, weights
from facelm.parsing.parser import CONTEXT_SIZE, FaceParser
from facelm.pictures import images
from facelm.pictures.crops import cut_crop, widen
from facelm.training import data

CROPS, LOOKS = 120, 40
LATE = re.compile(r"decoder\.blocks\.([23]\.conv2|4)|segmentation_head")
"""Weights of the last decoder block, of the second convolutions of the two before it, and of the head.

They are most of the time, and eight bits lose nothing there. The first convolutions of the two blocks also take what
skips the rest of the network, whose largest values are several times those of the decoder: one scale for both is too
coarse.
"""


def find_inputs(parser: FaceParser, folder: Path) -> list[NDArray[np.uint8]]:
    """What the network sees of portraits: crops of their faces, and what is around them."""
    paths = data.find_pictures(folder)
    random.Random(0).shuffle(paths)
    inputs: list[NDArray[np.uint8]] = []
    for number, path in enumerate(paths[: CROPS + LOOKS]):
        rgb = images.read(path)
        for face in parser.parse(rgb):
            whole = number < CROPS
            transform = face.transform if whole else widen(face.transform)
            inputs.append(cut_crop(rgb, transform, parser.info.size if whole else CONTEXT_SIZE))
    return inputs


def widen_numbers(model: onnx.ModelProto) -> None:
    """Store all weights in single precision, for of casts NNCF knows nothing."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in tensors]:
        tensor = tensors[node.input[0]]
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), node.output[0]))
        model.graph.node.remove(node)


def find_float(model: onnx.ModelProto) -> list[str]:
    """Names of the operations that stay as they are: all but the late convolutions."""
    return [
        node.name
        for node in model.graph.node
        if node.op_type in ("Add", "Sub", "Mul", "Div") or (node.op_type == "Conv" and not LATE.search(node.input[1]))
    ]


def keep_weights(quantised: onnx.ModelProto, originals: dict[str, onnx.TensorProto]) -> None:
    """Have the eight-bit weights computed from the original ones, by their names, when the network is loaded."""
    graph = quantised.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    nodes = list(graph.node)
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and (eight_bits := tensors.get(node.input[0])):
            name = eight_bits.name
            original = originals[name.removeprefix("q_output_").rpartition("_")[0]]
            nodes.insert(0, helper.make_node("QuantizeLinear", [original.name, *node.input[1:]], [name], axis=0))
            eight_bits.CopyFrom(original)
    del graph.node[:]
    graph.node.extend(nodes)


def main() -> None:
    """Quantise a model."""
    path = weights.find_weights(sys.argv[1])
    inputs = find_inputs(FaceParser(str(path), "cpu"), Path(sys.argv[2]))
    model = onnx.load(weights.exported_path(path))
    widen_numbers(model)
    feed = nncf.Dataset(inputs, lambda rgb: {"rgb": rgb.transpose(2, 0, 1)[None].astype(np.float32)})
    originals = {tensor.name: deepcopy(tensor) for tensor in model.graph.initializer}
    quantised = nncf.quantize(
        model,
        feed,
        subset_size=len(inputs),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(names=find_float(model)),
    )
    keep_weights(quantised, originals)
    export.halve(quantised)
    export.write_export(quantised, weights.read_info(path), path, weights.quantised_path(path))


if __name__ == "__main__":
    main()
