from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from facelm.engines.openvino import OpenVinoEngine, read
from facelm.engines.torch import TorchEngine
from facelm.engines.ways import HALF, SINGLE
from facelm.engines.weights import exported_path, find_shipped, find_weights
from facelm.landmarks.find import find_landmarks
from facelm.parsing.parser import FaceParser
from facelm.pictures.crops import cut_crop

SIDE = 256


@pytest.mark.parametrize("name", sorted(find_shipped()))
def test_both_engines_agree(astronaut: NDArray[np.uint8], parser: FaceParser, name: str) -> None:
    face = parser.parse(astronaut)[0]
    crop = cut_crop(astronaut, face.transform, SIDE)[None]
    path = find_weights(name)
    expected = TorchEngine(path, "cpu").predict(crop)
    exact, fast = (OpenVinoEngine(read(exported_path(path)), each).predict(crop) for each in (SINGLE, HALF))
    assert expected.shape == (1, 19, SIDE, SIDE)
    assert np.abs(exact - expected).max() < 1e-3
    assert (fast.argmax(1) == expected.argmax(1)).mean() > 0.98
    inside = np.ones((SIDE, SIDE), bool)
    ours, theirs = (
        find_landmarks(replace(face, probabilities=each[0], inside=inside)).points for each in (exact, expected)
    )
    assert np.abs(ours - theirs).max() < 0.1
