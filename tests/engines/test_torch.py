from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from facelm.engines.openvino import OpenVinoEngine, read
from facelm.engines.torch import TorchEngine
from facelm.engines.weights import exported_path, find_shipped, find_weights
from facelm.landmarks.find import find_landmarks
from facelm.parsing.parser import FaceParser
from facelm.pictures.crops import cut_crop

SHIPPED = pytest.mark.parametrize("name", sorted(find_shipped()))


@SHIPPED
def test_both_engines_agree(astronaut: NDArray[np.uint8], parser: FaceParser, name: str) -> None:
    face = parser.parse(astronaut)[0]
    crop = cut_crop(astronaut, face.transform, 256)[None]
    path = find_weights(name)
    torch_engine = TorchEngine(path, "cpu")
    exact, fast = (OpenVinoEngine(read(exported_path(path)), each) for each in (True, False))
    expected = torch_engine.predict(crop)
    assert expected.shape == (1, 19, 256, 256)
    assert np.abs(exact.predict(crop) - expected).max() < 1e-3
    assert (fast.predict(crop).argmax(1) == expected.argmax(1)).mean() > 0.99


@SHIPPED
def test_both_engines_give_the_same_landmarks(astronaut: NDArray[np.uint8], name: str) -> None:
    parser, path = FaceParser(name, "cpu"), find_weights(name)
    points = []
    for engine in (TorchEngine(path, "cpu"), OpenVinoEngine(read(exported_path(path)), exact=True)):
        parser.engine = engine
        points.append(find_landmarks(parser.parse(astronaut)[0]).points)
    assert np.abs(points[0] - points[1]).max() < 0.1
