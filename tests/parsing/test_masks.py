from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.parsing.masks import paste, paste_probabilities
from facelm.parsing.parser import FaceParser

RIGHT_PUPIL, LEFT_PUPIL = (203.5, 101.0), (246.7, 103.3)


def name_at(mask: NDArray[np.uint8], point: tuple[float, float]) -> str:
    return classes.NAMES[mask[round(point[1]), round(point[0])]]


def test_probabilities_add_up_and_agree_with_the_mask(parser: FaceParser, group: NDArray[np.uint8]) -> None:
    faces = parser.parse(group)
    probabilities = paste_probabilities(faces, *group.shape[:2]).astype(np.float32)
    assert probabilities.shape == (19, *group.shape[:2])
    assert abs(probabilities.sum(0) - 1).max() < 0.01
    assert (probabilities.argmax(0) == paste(faces, *group.shape[:2])).mean() > 0.999


def test_a_face_at_the_border_is_pasted_within_the_picture(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    cut = np.ascontiguousarray(astronaut[:150, :235])
    faces = parser.parse(cut)
    assert len(faces) == 1
    assert name_at(paste(faces, 150, 235), RIGHT_PUPIL) == "r_eye"
    assert not faces[0].inside.all()
