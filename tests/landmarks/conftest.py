from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser


@pytest.fixture(scope="session")
def face(parser: FaceParser, astronaut: NDArray[np.uint8]) -> Face:
    """The astronaut's, parsed."""
    return parser.parse(astronaut)[0]


@pytest.fixture(scope="session")
def found(face: Face) -> Landmarks:
    """The landmarks of the same."""
    return find_landmarks(face)
