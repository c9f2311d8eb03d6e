from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from common import draw_face, write_pair

from facelm import classes
from facelm.classes import IGNORE, INDEX
from facelm.training import data
from facelm.training.balance import find_shown
from facelm.training.jewellery import Jeweller

SIZE = 128
JEWELLERY = classes.indices("neck_l", "ear_r")


def plain_face(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A drawn face whose jewellery is neck."""
    rgb, mask = draw_face(SIZE, seed)
    worn = np.isin(mask, JEWELLERY)
    rgb[worn] = classes.palette()[INDEX["neck"]]
    mask[worn] = INDEX["neck"]
    return rgb, mask


@pytest.fixture
def jeweller(tmp_path: Path) -> Jeweller:
    """Knows three faces with jewellery."""
    for seed in range(3):
        write_pair(tmp_path, str(seed), *draw_face(SIZE, seed))
    examples = data.find(tmp_path)
    return Jeweller(examples, find_shown(examples))


def test_some_portraits_get_jewellery_of_its_colour_where_its_mask_says(jeweller: Jeweller) -> None:
    rgb, mask = plain_face(9)
    put_on = dict.fromkeys(JEWELLERY, 0)
    for seed in range(300):
        adorned, labels = jeweller.adorn(rgb, mask, np.random.default_rng(seed))
        changed = labels != mask
        assert set(np.unique(labels[changed])) <= set(JEWELLERY)
        for index in np.unique(labels[changed]):
            put_on[int(index)] += 1
            off = np.abs(adorned[labels == index].mean(0) - classes.palette()[index])
            assert off.max() < 60
        far = np.abs(adorned.astype(int) - rgb).max(2) > 40
        assert not far[~changed].mean() > 0.01
    assert 20 < put_on[INDEX["neck_l"]] < 120
    assert 5 < put_on[INDEX["ear_r"]] < 60


def test_who_wears_some_gets_no_more(jeweller: Jeweller) -> None:
    rgb, mask = draw_face(SIZE, 9)
    for seed in range(20):
        adorned, labels = jeweller.adorn(rgb, mask, np.random.default_rng(seed))
        np.testing.assert_array_equal(adorned, rgb)
        np.testing.assert_array_equal(labels, mask)


@pytest.mark.parametrize("hidden", ["nose", "r_eye", "neck"])
def test_without_a_face_or_room_nothing_changes(jeweller: Jeweller, hidden: str) -> None:
    rgb, mask = plain_face(9)
    mask[mask == INDEX[hidden]] = INDEX["hat"]
    mask[mask == INDEX["cloth"]] = INDEX["hat"]
    necklaces = [
        (jeweller.adorn(rgb, mask, np.random.default_rng(seed))[1] == INDEX["neck_l"]).any() for seed in range(20)
    ]
    assert not any(necklaces)


def test_jewellery_comes_from_masks_that_know_every_pixel(tmp_path: Path) -> None:
    rgb, mask = draw_face(SIZE, 0)
    mask[0, 0] = IGNORE
    write_pair(tmp_path, "0", rgb, mask)
    examples = data.find(tmp_path)
    jeweller = Jeweller(examples, find_shown(examples))
    plain, labels = plain_face(9)
    for seed in range(40):
        assert jeweller.adorn(plain, labels, np.random.default_rng(seed))[1] is labels


def test_the_same_seed_puts_on_the_same(jeweller: Jeweller) -> None:
    rgb, mask = plain_face(4)
    for seed in range(8):
        first, second = (jeweller.adorn(rgb, mask, np.random.default_rng(seed)) for _ in range(2))
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)
