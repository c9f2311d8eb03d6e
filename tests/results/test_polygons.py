from __future__ import annotations

import cv2
import numpy as np
import pytest
from pycocotools import mask as rle
from skimage.measure import points_in_poly

from facelm.results.polygons import join, outline

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def blobs(seed: int) -> np.ndarray:
    """Islands with holes, some at the border."""
    noise = np.random.default_rng(seed).normal(size=(90, 120))
    return cv2.GaussianBlur(noise, (0, 0), 4) > 0.02


def filled(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """What pycocotools, as every reader of COCO, makes of polygons."""
    codes = rle.frPyObjects([polygon.ravel().tolist() for polygon in polygons], *shape)
    return rle.decode(rle.merge(codes)).astype(bool)


@pytest.mark.parametrize("seed", range(4))
def test_polygons_filled_are_the_region_again_holes_and_all(seed: int) -> None:
    region = blobs(seed)
    for polygons in (outline(region), [join(outline(region))]):
        again = filled(polygons, region.shape)
        assert (again & region).sum() / (again | region).sum() > 0.99


def test_centres_of_pixels_are_within_and_those_of_others_not() -> None:
    region = np.zeros((9, 12), bool)
    region[0:4, 8:12] = region[6, 3] = True
    corner, single = sorted(outline(region), key=lambda polygon: polygon[:, 0].min(), reverse=True)
    rows, columns = np.mgrid[:9, :12]
    centres = np.column_stack([columns.ravel(), rows.ravel()]) + 0.5
    assert np.array_equal(points_in_poly(centres, corner).reshape(9, 12), region & (columns > 5))
    assert np.array_equal(points_in_poly(centres, single).reshape(9, 12), region & (columns < 5))
    assert corner.min() >= 0 and corner[:, 0].max() == 12


def test_a_smooth_outline_has_few_points() -> None:
    disc = cv2.circle(np.zeros((400, 400), np.uint8), (200, 190), 150, 1, -1).astype(bool)
    (polygon,) = outline(disc)
    assert len(polygon) < 300
    assert outline(np.zeros((5, 5), bool)) == []
