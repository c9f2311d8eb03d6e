from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from facelm import classes
from facelm.classes import CLASSES, HAND, IGNORE, INDEX, NAMES, REGIONS

MASKS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, max_side=9))


def test_the_order_is_that_of_celebamask_hq() -> None:
    wanted = (
        "background skin nose eye_g l_eye r_eye l_brow r_brow l_ear r_ear mouth u_lip l_lip hair hat ear_r "
        "neck_l neck cloth"
    )
    assert list(NAMES) == wanted.split()
    assert [c.index for c in CLASSES] == list(range(19))


def test_mirror_partners_are_the_sides_and_nothing_else() -> None:
    swapped = {c.name for c in CLASSES if c.mirror != c.name}
    assert swapped == {"l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear"}
    assert all(CLASSES[INDEX[c.mirror]].mirror == c.name for c in CLASSES)


def test_indices_keep_the_order_given() -> None:
    assert classes.indices("hair", "skin", "hair") == [13, 1, 13]
    assert classes.indices() == []


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="beard"):
        classes.indices("skin", "beard")


def test_palette() -> None:
    palette = classes.palette()
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    assert [tuple(colour) for colour in palette[:32].tolist()] == [c.colour for c in (*CLASSES, *REGIONS, HAND)]
    assert palette[IGNORE].tolist() == [255, 255, 255]
    assert not palette[32:IGNORE].any()


def test_every_class_has_a_colour_of_its_own() -> None:
    assert len(np.unique(classes.palette()[[*range(19), IGNORE]], axis=0)) == 20


def test_a_palette_may_be_changed_without_harm() -> None:
    classes.palette()[:] = 7
    assert classes.palette()[0].tolist() == [0, 0, 0]


def test_mirror_swaps_left_and_right() -> None:
    mask = np.array([INDEX["l_eye"], INDEX["r_eye"], INDEX["skin"], INDEX["l_lip"], IGNORE], np.uint8)
    assert classes.mirror(mask).tolist() == [INDEX["r_eye"], INDEX["l_eye"], INDEX["skin"], INDEX["l_lip"], 255]


@given(MASKS)
def test_mirror_twice_is_identity_and_leaves_its_argument_alone(mask: np.ndarray) -> None:
    before = mask.copy()
    once = classes.mirror(mask)
    assert once.shape == mask.shape
    assert once.dtype == np.uint8
    np.testing.assert_array_equal(classes.mirror(once), mask)
    once[...] = 9
    np.testing.assert_array_equal(mask, before)
