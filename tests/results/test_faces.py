from __future__ import annotations

import numpy as np

from facelm.landmarks.find import find_landmarks
from facelm.parsing.parser import FaceParser
from facelm.results.faces import record_faces


def test_records_hold_the_landmarks_and_regions_only_on_demand(parser: FaceParser, astronaut: np.ndarray) -> None:
    (face,) = parser.parse(astronaut)
    found = find_landmarks(face)
    (plain,) = record_faces([face], 512, 512)
    assert np.array_equal(plain.landmarks, found.points) and plain.box == face.box and plain.region is None
    (record,) = record_faces([face], 512, 512, regions=True)
    assert record.region is not None and record.region["size"] == [512, 512]
