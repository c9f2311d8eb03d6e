"""Convolutions of what was enlarged, computed before it is enlarged.

A U-Net's decoder doubles its features by repeating each and convolves them with three by three weights: of the nine
products of each weight's row four have the same features. A transposed convolution with four by four weights, sums of
those, is the same function for four ninths of the products, and nothing enlarged has to be written and read again.
"""

from __future__ import annotations

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as operations

_TRIAL = [1, 3, 64, 64]  # of a picture, for which shapes are looked at
_REPEATS = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
_PLAIN = {"strides": [1, 1], "dilations": [1, 1], "pads_begin": [1, 1], "pads_end": [1, 1]}


def fold_upsampling(model: openvino.Model) -> None:
    """Fold what doubles features into the convolutions that follow it, in place; their weights must be constants.

    Args:
        model: With one input, pictures (N, 3, H, W).
    """
    doubling = _find_doubling(model)
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Convolution" or (weights := _read_weights(node)) is None:
            continue
        source = node.input_value(0).get_node()
        joined = source.get_type_name() == "Concat" and source.get_attributes()["axis"] == 1
        parts = source.input_values() if joined else [node.input_value(0)]
        if all(part.get_node().friendly_name not in doubling for part in parts):
            continue
        ends = np.cumsum([part.get_partial_shape()[1].get_length() for part in parts])[:-1]
        first, *rest = (
            _convolve(part, own, part.get_node().friendly_name in doubling)
            for part, own in zip(parts, np.split(weights, ends, axis=1), strict=True)
        )
        for other in rest:
            first = operations.add(first, other)
        node.output(0).replace(first.output(0))
    model.validate_nodes_and_infer_types()


def _find_doubling(model: openvino.Model) -> set[str]:
    """Names of what doubles height and width by repeating."""
    trial = model.clone()
    trial.reshape(_TRIAL)
    found = set()
    for node in trial.get_ops():
        if node.get_type_name() != "Interpolate":
            continue
        attributes, given, doubled = node.get_attributes(), node.input_value(0).shape, node.output(0).shape
        repeats = all(attributes[name] == value for name, value in _REPEATS.items())
        if repeats and list(doubled) == [*given[:2], 2 * given[2], 2 * given[3]]:
            found.add(node.friendly_name)
    return found


def _read_weights(convolution: openvino.Node) -> NDArray[np.float32] | None:
    """Weights (O, I, 3, 3) of a convolution that keeps height and width; None of any other."""
    attributes = convolution.get_attributes()
    source = convolution.input_value(1).get_node()
    if source.get_type_name() == "Convert":
        source = source.input_value(0).get_node()
    plain = all(list(attributes[name]) == value for name, value in _PLAIN.items())
    if not plain or source.get_type_name() != "Constant" or list(source.shape[2:]) != [3, 3]:
        return None
    weights: NDArray[np.float32] = source.get_data().astype(np.float32)
    return weights


def _convolve(features: openvino.Output, weights: NDArray[np.float32], doubled: bool) -> openvino.Node:
    """The convolution of features, or, where those are the doubled ones of others, of these."""
    # As constants, for OpenVINO makes lists of bare arrays, number by number.
    if not doubled:
        return operations.convolution(features, operations.constant(np.ascontiguousarray(weights)), **_PLAIN)
    for axis in (2, 3):
        first, middle, last = np.split(weights, 3, axis)
        weights = np.concatenate([last, middle + last, first + middle, first], axis)
    small = features.get_node().input_value(0)
    swapped = operations.constant(np.ascontiguousarray(weights.swapaxes(0, 1)))
    return operations.convolution_backprop_data(small, swapped, **_PLAIN | {"strides": [2, 2]})
