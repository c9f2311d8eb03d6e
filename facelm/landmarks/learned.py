"""The learned step: a small network that sees a face's crop and its regions, and says where the landmarks are.

It looks at both the photograph and what the parser made of it, and was trained to do with either. Each landmark is the
expectation of a heatmap (integral regression; Sun et al., ECCV 2018). The layers are in
`facelm.training.landmark_net`, and ``recipes/landmark_net.py`` trains them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.engines.openvino import Network, read, read_metadata, take_pixels
from facelm.landmarks.points import PARTS, POINTS
from facelm.parsing.face import Face

JAWS = ("outline", "bone")
"""Where points 0 to 16 may run: along the visible outline of the face, or along the bone, even behind the cheek."""

VIEW = (128, 96)
"""Width and height of what the network sees of the photograph, pixels."""

REGION_VIEW = (64, 48)
"""The same of the region probabilities."""

OUTPUTS = 85
"""The 68 points, their jaw along the visible outline; then the 17 of the jaw along the bone."""

CERTAINTY_KEY = "facelm.certainty"
"""Of the coefficients of `facelm.landmarks.certainty`, in the metadata of the network's file."""

_TOP = 0.25  # of the canonical crop is above the view, which goes down to its end, and has its width
_LOADING = threading.Lock()

Look = Callable[[NDArray[np.uint8], NDArray[np.float32]], Sequence[NDArray[np.float32]]]
"""From a photograph (1, H, W, 3) and region probabilities (1, 19, H / 2, W / 2) to landmarks (1, OUTPUTS, 2), as
fractions of width and height, the logarithm of the error that is to be expected (1, OUTPUTS), in widths, and the logit
of the probability that something covers the point (1, OUTPUTS)."""


@dataclass(frozen=True, eq=False)
class LearnedPoints:
    """What the network says of a face.

    Attributes:
        points: (68, 2) x, y in pixels of the crop, float64, in iBUG order.
        log_error: (68,) logarithm of the error that is to be expected of each, in sides of the crop.
        covered: (68,) probability that something is in front of it.
        bone: (17, 2) likewise, the jaw along its bone, whichever is among the points.
    """

    points: NDArray[np.float64]
    log_error: NDArray[np.float64]
    covered: NDArray[np.float64]
    bone: NDArray[np.float64]


def to_view() -> NDArray[np.float64]:
    """The (2, 3) transform from fractions of the canonical crop to fractions of the view's width and height."""
    return np.array([[1, 0, 0], [0, 1 / (1 - _TOP), -_TOP / (1 - _TOP)]])


def find_points(face: Face, jaw: str = "outline") -> LearnedPoints:
    """Find the landmarks of a parsed face with the shipped network.

    Args:
        face: The face.
        jaw: One of ``JAWS``.

    Raises:
        ValueError: There is no such jaw.
    """
    return begin(face, jaw)()


def begin(face: Face, jaw: str = "outline") -> Callable[[], LearnedPoints]:
    """Begin what `find_points` does, on another processor than the one that goes on; what comes back ends it."""
    if jaw not in JAWS:
        raise ValueError(f"jaw {jaw}: wanted is one of {', '.join(JAWS)}")
    finish = _load()[0].start(*see(face))
    return lambda: _interpret(finish(), face.probabilities.shape[1], jaw)


def locate(network: Look, face: Face, jaw: str = "outline") -> LearnedPoints:
    """What a network says of a face."""
    return _interpret(network(*see(face)), face.probabilities.shape[1], jaw)


def _interpret(outputs: Sequence[NDArray[np.float32]], size: int, jaw: str) -> LearnedPoints:
    """What a network says of a face whose crop has sides of a size, pixels."""
    points, log_error, covered = (each[0].astype(float) for each in outputs)
    chosen = np.arange(POINTS)
    if jaw == "bone":
        chosen[PARTS["jaw"]] += POINTS
    places = (points * (1, 1 - _TOP) + (0, _TOP)) * size - 0.5
    return LearnedPoints(places[chosen], log_error[chosen], 1 / (1 + np.exp(-covered[chosen])), places[POINTS:])


def see(face: Face) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """What the network sees of a face: the photograph (1, H, W, 3), and region probabilities (1, 19, H / 2, W / 2)."""
    top = round(_TOP * face.probabilities.shape[1])
    layers = [_reduce(layer[top:], REGION_VIEW) for layer in face.probabilities]
    rgb = np.zeros((*VIEW[::-1], 3), np.uint8)
    if face.rgb is not None:
        rgb = _reduce(face.rgb[round(_TOP * len(face.rgb)) :], VIEW)
    return rgb[None], np.stack(layers)[None]


def _reduce(layer: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A picture (H, W) or (H, W, 3) in another size (W, H)."""
    method = cv2.INTER_AREA if layer.shape[1] > size[0] else cv2.INTER_LINEAR
    return cv2.resize(layer, size, interpolation=method)


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
    certainty = np.array(json.loads(read_metadata(model, CERTAINTY_KEY)))
    # In single precision: the places of points are finer than bfloat16 can tell. On two processors each runs it alone,
    # sooner in all than both together: it is small.
    return Network(take_pixels(model).build(), exact=True, threads=4, keep=True), certainty
