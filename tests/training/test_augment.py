from __future__ import annotations

import cv2
import numpy as np
import pytest

from facelm.classes import IGNORE, INDEX
from facelm.training import augment


def test_a_flip_moves_the_left_eye_and_renames_it(face) -> None:
    rgb, mask = face
    mask = mask.copy()
    mask[20, 5] = INDEX["l_eye"]
    flipped = augment.MirrorFlip(p=1.0)(image=rgb, mask=mask)
    assert flipped["mask"][20, 64 - 1 - 5] == INDEX["r_eye"]
    np.testing.assert_array_equal(flipped["image"], rgb[:, ::-1])
    for left, right in (("l_eye", "r_eye"), ("l_brow", "r_brow"), ("l_ear", "r_ear")):
        np.testing.assert_array_equal(flipped["mask"] == INDEX[right], (mask == INDEX[left])[:, ::-1])
        np.testing.assert_array_equal(flipped["mask"] == INDEX[left], (mask == INDEX[right])[:, ::-1])


def test_the_subjects_left_stays_on_the_right_of_the_picture(face) -> None:
    mask = augment.MirrorFlip(p=1.0)(image=face[0], mask=face[1])["mask"]
    assert np.nonzero(mask == INDEX["l_eye"])[1].mean() > np.nonzero(mask == INDEX["r_eye"])[1].mean()


def test_flipping_twice_is_identity(face) -> None:
    rgb, mask = face
    mask = mask.copy()
    mask[:4] = IGNORE
    flip = augment.MirrorFlip(p=1.0)
    twice = flip(**flip(image=rgb, mask=mask))
    np.testing.assert_array_equal(twice["image"], rgb)
    np.testing.assert_array_equal(twice["mask"], mask)


@pytest.mark.parametrize("shape", [(64, 64), (100, 70), (30, 50)])
def test_geometry_gives_the_size_wanted(shape) -> None:
    rgb, mask = np.zeros((*shape, 3), np.uint8), np.ones(shape, np.uint8)
    warp = augment.geometric(96)
    warp.set_random_seed(3)
    warped = warp(image=rgb, mask=mask)
    assert warped["image"].shape == (96, 96, 3)
    assert warped["mask"].shape == (96, 96)
    assert warped["image"].dtype == warped["mask"].dtype == np.uint8


def test_what_comes_in_from_outside_is_unknown_and_black() -> None:
    rgb, mask = np.full((80, 80, 3), 200, np.uint8), np.full((80, 80), INDEX["hair"], np.uint8)
    warp = augment.geometric(64)
    shares = []
    for seed in range(20):
        warp.set_random_seed(seed)
        warped = warp(image=rgb, mask=mask)
        unknown = warped["mask"] == IGNORE
        assert set(np.unique(warped["mask"])) <= {INDEX["hair"], IGNORE}
        shares.append(unknown.mean())
        # At the seam, which may run along the frame, both kinds of pixels are mixed in the picture.
        for share, value in ((unknown, 0), (~unknown, 200)):
            inside = cv2.erode(share.astype(np.uint8), np.ones((5, 5)), borderType=cv2.BORDER_CONSTANT, borderValue=0)
            assert (warped["image"][inside > 0] == value).all()
    assert max(shares) > 0.1
    assert min(shares) == 0


def test_the_mask_moves_with_the_picture() -> None:
    mask = np.zeros((128, 128), np.uint8)
    cv2.circle(mask, (50, 70), 20, INDEX["nose"], -1)
    rgb = np.repeat(np.where(mask, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    warp = augment.geometric(64)
    for seed in range(20):
        warp.set_random_seed(seed)
        warped = warp(image=rgb, mask=mask)
        bright = warped["image"][..., 0] > 127
        assert (bright != (warped["mask"] == INDEX["nose"])).sum() < 0.15 * bright.sum()


@pytest.mark.parametrize("size", [64, 80, 96, 112, 192])
def test_resizing_shifts_the_mask_to_no_side(size) -> None:
    mask = np.zeros((128, 128), np.uint8)
    cv2.circle(mask, (64, 64), 32, INDEX["nose"], -1)
    rgb = np.repeat(np.where(mask, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    warp = augment.geometric(size)
    shifts = []
    for seed in range(150):
        warp.set_random_seed(seed)
        warped = warp(image=rgb, mask=mask)
        shifts.append(centroid(warped["mask"] == INDEX["nose"]) - centroid(warped["image"][..., 0]))
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.08


def centroid(weights: np.ndarray) -> np.ndarray:
    y, x = np.indices(weights.shape)
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


@pytest.mark.parametrize("make", [lambda: augment.geometric(64), augment.photometric])
def test_the_same_seed_gives_the_same_result(face, make) -> None:
    rgb, mask = face
    results = []
    for seed in (5, 5, 6, 7, 8):
        change = make()
        change.set_random_seed(seed)
        changed = change(image=rgb, mask=mask)
        results.append((changed["image"], changed["mask"]))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert any((results[0][0] != other[0]).any() for other in results[2:])


def test_photometry_keeps_the_size_and_only_hides_parts_of_the_mask(face) -> None:
    rgb, mask = face
    change = augment.photometric()
    dropped = 0
    for seed in range(40):
        change.set_random_seed(seed)
        changed = change(image=rgb, mask=mask)
        assert changed["image"].shape == rgb.shape
        assert changed["image"].dtype == changed["mask"].dtype == np.uint8
        moved = changed["mask"] != mask
        assert (changed["mask"][moved] == IGNORE).all()
        dropped += bool(moved.any())
    assert 0 < dropped < 25


def test_neither_changes_what_it_is_given(face) -> None:
    rgb, mask = face[0].copy(), face[1].copy()
    for change in (augment.geometric(64), augment.photometric()):
        for seed in range(10):
            change.set_random_seed(seed)
            change(image=rgb, mask=mask)
    np.testing.assert_array_equal(rgb, face[0])
    np.testing.assert_array_equal(mask, face[1])
