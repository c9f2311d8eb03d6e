"""The coarse pass: looks at a picture, and where what they show lies in it."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facelm.finding.detect import Detection
from facelm.finding.search import look, see_context
from facelm.pictures import affine

HEIGHT, WIDTH = 301, 517
CENTRE = (310.0, 120.0)


def see_disc(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A network for which what is bright is skin."""
    skin = (rgb[..., 0] > 127).astype(np.float32)
    probabilities = np.zeros((len(skin), 19, *skin.shape[1:]), np.float32)
    probabilities[:, 0], probabilities[:, 1] = 1 - skin, skin
    return probabilities


@pytest.fixture
def disc() -> NDArray[np.uint8]:
    """A picture of a bright disc on black."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.circle(rgb, (int(CENTRE[0]), int(CENTRE[1])), 60, (255, 255, 255), -1)
    return rgb


@pytest.mark.parametrize("side", [192, 517, 640])
def test_a_look_knows_where_its_pixels_are_in_the_picture(disc: NDArray[np.uint8], side: int) -> None:
    found = look(see_disc, disc, side)
    skin = found.probabilities[1]
    rows, columns = np.indices(skin.shape)
    centroid = np.array([[(columns * skin).sum(), (rows * skin).sum()]]) / skin.sum()
    there = affine.apply(affine.invert(found.from_picture), centroid)
    np.testing.assert_allclose(there[0], CENTRE, atol=0.5)
    assert found.shows(np.array(CENTRE))
    assert not found.shows(np.array([WIDTH + 40.0, 10.0]))


def test_the_surroundings_of_a_face_are_in_its_frame(disc: NDArray[np.uint8]) -> None:
    whole = look(see_disc, disc, 192)
    transform = np.array([[1 / 200, 0, 0.5 - CENTRE[0] / 200], [0, 1 / 200, 0.5 - CENTRE[1] / 200]])
    context = see_context([whole], Detection(transform, 1.0))
    rows, columns = np.indices(context.shape[1:])
    skin = context[1]
    centroid = np.array([(columns * skin).sum(), (rows * skin).sum()]) / skin.sum()
    np.testing.assert_allclose((centroid + 0.5) / len(skin), 0.5, atol=0.01)
    np.testing.assert_allclose(context.sum(0), 1, atol=1e-5)
