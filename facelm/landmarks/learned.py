"""The learned step: a small network that sees the region probabilities of a crop and says where the landmarks are.

It never sees the photograph, only what the parser made of it: so it serves every parser, and what it learns from the
few pictures with trustworthy landmarks is how a face's regions are arranged and where annotators put their points.
Each landmark is the expectation of a heatmap (integral regression; Sun et al., ECCV 2018). The layers are in
`facelm.training.landmark_net`, and ``recipes/landmark_net.py`` trains them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.engines.openvino import Network, read, read_metadata

SIDE = 64
"""Side of the region probabilities that the network sees, pixels."""

CERTAINTY_KEY = "facelm.certainty"
"""Of the coefficients of `facelm.landmarks.certainty`, in the metadata of the network's file."""

_LOADING = threading.Lock()


def reduce_probabilities(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Region probabilities (19, S, S) at the size that the network sees: (19, SIDE, SIDE) float32."""
    method = cv2.INTER_AREA if probabilities.shape[1] > SIDE else cv2.INTER_LINEAR
    return np.stack([cv2.resize(layer, (SIDE, SIDE), interpolation=method) for layer in probabilities])


@dataclass(frozen=True, eq=False)
class LearnedPoints:
    """What the network says of a face.

    Attributes:
        points: (68, 2) x, y in pixels of the crop, float64, in iBUG order.
        log_error: (68,) logarithm of the error that is to be expected of each, in sides of the crop.
    """

    points: NDArray[np.float64]
    log_error: NDArray[np.float64]


def find_points(probabilities: NDArray[np.float32]) -> LearnedPoints:
    """Find the landmarks of a parsed crop with the shipped network.

    Args:
        probabilities: (19, S, S) float32, as in `facelm.Face`.
    """
    return locate(_load()[0], probabilities)


def locate(
    network: Callable[[NDArray[np.float32]], Sequence[NDArray[np.float32]]], probabilities: NDArray[np.float32]
) -> LearnedPoints:
    """What a network says of the region probabilities (19, S, S) of a crop.

    Args:
        network: From region probabilities (1, 19, SIDE, SIDE) to landmarks (1, 68, 2), as fractions of the crop's
            side, and the logarithm of the error that is to be expected (1, 68).
        probabilities: Of the crop.
    """
    points, log_error = network(reduce_probabilities(probabilities)[None])
    return LearnedPoints(points[0].astype(float) * probabilities.shape[1] - 0.5, log_error[0].astype(float))


def coefficients() -> NDArray[np.float64]:
    """(FEATURES,) of `facelm.landmarks.certainty`, that go with the shipped network."""
    return _load()[1]


def prepare() -> None:
    """Begin to load the network, in a thread of its own, while something else is loaded."""
    threading.Thread(target=_load).start()


def _load() -> tuple[Network, NDArray[np.float64]]:
    """The shipped network and what goes with it; threads that ask while it is loaded wait for one another."""
    with _LOADING:
        return _load_once()


@cache
def _load_once() -> tuple[Network, NDArray[np.float64]]:
    """The network on the CPU (it is too small to be worth a GPU), and what goes with it."""
    model = read(Path(__file__).with_name("landmark_net.onnx"))
    # In single precision: the places of points are finer than bfloat16 can tell.
    # On two processors each runs it alone, sooner in all than both together: it is small.
    return Network(model, exact=True, threads=2, keep=True), np.array(json.loads(read_metadata(model, CERTAINTY_KEY)))
