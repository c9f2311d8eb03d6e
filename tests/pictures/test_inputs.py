from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from facelm.pictures.inputs import as_picture, check_boxes, check_options

RGB = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


def test_arrays_and_pictures_of_pil_are_taken() -> None:
    assert as_picture(RGB) is RGB
    assert np.array_equal(as_picture(Image.fromarray(RGB)), RGB)
    assert as_picture(Image.new("L", (3, 2))).shape == (2, 3, 3)


@pytest.mark.parametrize("picture", [None, "a.jpg", [[1]], RGB[..., 0], RGB.astype(float), RGB[:0], RGB[..., :2]])
def test_anything_else_is_refused_in_a_sentence(picture: object) -> None:
    with pytest.raises(ValueError, match="a picture is"):
        as_picture(picture)


@pytest.mark.parametrize("box", [(1, 1, 1, 3), (40, 30, 20, 10), (math.nan, 0, 2, 2), (0, 0, math.inf, 2), (1, 2, 3)])
def test_boxes_that_bound_nothing_are_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="a box"):
        check_boxes([(0, 0, 9, 9), box])


def test_options_that_make_no_sense_are_refused() -> None:
    check_options(1, None, 1)
    for options in ((0, None, 1), (1, -5, 1), (1, math.nan, 1), (1, 24, 0)):
        with pytest.raises(ValueError, match="not"):
            check_options(*options)


def test_reading_leaves_the_limit_of_pil_alone() -> None:
    code = "import PIL.Image as p; n = p.MAX_IMAGE_PIXELS; import facelm; facelm.read; assert p.MAX_IMAGE_PIXELS == n"
    subprocess.run([sys.executable, "-c", code], check=True)
