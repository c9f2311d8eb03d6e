from __future__ import annotations

import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facelm import classes
from facelm.landmarks.find import find_landmarks
from facelm.parsing.islands import drop_islands
from facelm.parsing.masks import paste
from facelm.parsing.parser import FaceParser
from facelm.pictures import affine
from facelm.pictures.choice import reading_order
from facelm.pictures.crops import cut_crop

# Measured by hand on scikit-image's astronaut, pixels.
BOX = (182, 88, 267, 178)
RIGHT_PUPIL, LEFT_PUPIL = (203.5, 101.0), (246.7, 103.3)


def overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    x0, y0 = max(first[0], second[0]), max(first[1], second[1])
    x1, y1 = min(first[2], second[2]), min(first[3], second[3])
    common = max(0, x1 - x0) * max(0, y1 - y0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return common / (sum(areas) - common)


def name_at(mask: NDArray[np.uint8], point: tuple[float, float]) -> str:
    return classes.NAMES[mask[round(point[1]), round(point[0])]]


def test_a_portrait_is_one_face_with_its_parts_in_place(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    faces = parser.parse(astronaut)
    assert len(faces) == 1
    assert overlap(faces[0].box, BOX) > 0.75
    assert 0.5 < faces[0].score <= 1
    mask = paste(faces, 512, 512)
    assert mask.shape == (512, 512) and mask.dtype == np.uint8
    assert name_at(mask, RIGHT_PUPIL) == "r_eye" and name_at(mask, LEFT_PUPIL) == "l_eye"
    assert name_at(mask, (223, 120)) == "nose"
    assert name_at(mask, (223, 165)) == "skin"
    assert name_at(mask, (224, 40)) == "hair"
    assert name_at(mask, (450, 60)) == "background"


def test_mirroring_the_picture_swaps_the_sides(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    plain = paste(parser.parse(astronaut), 512, 512)
    mirrored = paste(parser.parse(np.ascontiguousarray(astronaut[:, ::-1])), 512, 512)
    assert name_at(mirrored, (511 - RIGHT_PUPIL[0], RIGHT_PUPIL[1])) == "l_eye"
    assert (classes.mirror(mirrored[:, ::-1]) == plain).mean() > 0.98


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_lying_face_is_found(parser: FaceParser, astronaut: NDArray[np.uint8], quarters: int) -> None:
    plain = paste(parser.parse(astronaut), 512, 512)
    faces = parser.parse(np.ascontiguousarray(np.rot90(astronaut, quarters)))
    assert len(faces) == 1
    turned = np.rot90(paste(faces, 512, 512), -quarters)
    assert (turned == plain).mean() > 0.95


@pytest.mark.parametrize("angle", [-60, -25, 25, 60])
def test_a_tilted_face_is_found_and_its_roll_told(parser: FaceParser, astronaut: NDArray[np.uint8], angle: int) -> None:
    turn = cv2.getRotationMatrix2D((224, 130), -angle, 1)
    (face,) = parser.parse(cv2.warpAffine(astronaut, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE))
    assert abs(find_landmarks(face).pose.roll - angle) < 6


def test_two_faces_cheek_to_cheek_are_two(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    half = astronaut[:, 150:272]
    faces = parser.parse(np.ascontiguousarray(np.hstack([half, half[:, ::-1]])))
    assert len(faces) == 2
    left, right = sorted(face.box for face in faces)
    assert overlap(left, (BOX[0] - 150, BOX[1], BOX[2] - 150, BOX[3])) > 0.85
    assert overlap(right, (393 - BOX[2], BOX[1], 393 - BOX[0], BOX[3])) > 0.85


@pytest.mark.parametrize("cut", [(slice(None), slice(224, None)), (slice(0, 150), slice(None))])
def test_a_face_that_the_border_cuts_is_found(
    parser: FaceParser, astronaut: NDArray[np.uint8], cut: tuple[slice, slice]
) -> None:
    (face,) = parser.parse(np.ascontiguousarray(astronaut[cut]))
    x0, y0 = cut[1].start or 0, cut[0].start or 0
    seen = (max(0, BOX[0] - x0), max(0, BOX[1] - y0), BOX[2] - x0, min(150, BOX[3] - y0) if cut[0].stop else BOX[3])
    assert overlap(face.box, seen) > 0.7


@pytest.mark.parametrize("side", [136, 154])
def test_a_face_of_24_pixels_is_found_when_asked_for(astronaut: NDArray[np.uint8], side: int) -> None:
    picture = np.full((900, 1200, 3), 90, np.uint8)
    picture[300 : 300 + side, 500 : 500 + side] = cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA)
    (face,) = FaceParser("lite", "cpu", min_face=20).parse(picture)
    expected = np.array(BOX) * side / 512 + (500, 300, 500, 300)
    assert overlap(face.box, tuple(expected)) > 0.6


def test_a_group(parser: FaceParser, group: NDArray[np.uint8]) -> None:
    faces = parser.parse(group)
    assert len(faces) == 5
    middles = [(face.box[0] + face.box[2]) / 2 for face in faces]
    assert np.diff(sorted(middles)).min() > 50
    assert reading_order([face.box for face in faces]) == [0, 1, 2, 3, 4]


def test_what_reaches_beyond_the_crops_is_seen(parser: FaceParser, group: NDArray[np.uint8]) -> None:
    faces = parser.parse(group)
    assert all(face.context is not None for face in faces)
    beyond = np.ones(group.shape[:2], np.uint8)
    for face in faces:
        corners = affine.apply(affine.invert(face.transform), np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]]))
        cv2.fillPoly(beyond, [np.rint(corners).astype(np.int32)], 0)
    assert (paste(faces, *group.shape[:2])[beyond > 0] == classes.INDEX["cloth"]).sum() > 500


def test_a_crop_that_is_all_of_the_picture_has_nothing_around_it(
    parser: FaceParser, astronaut: NDArray[np.uint8]
) -> None:
    (face,) = parser.parse(astronaut)
    (alone,) = parser.parse(cut_crop(astronaut, face.transform, 300))
    assert alone.context is None


def test_a_face_that_the_parser_does_not_see_is_less_sure(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    (found,) = parser.finder.find(astronaut)
    doubtful = replace(found, score=0.7)
    (seen,) = parser.parse_detections(astronaut, [doubtful])
    (unseen,) = parser.parse_detections(np.full_like(astronaut, 128), [doubtful])
    assert unseen.score < 0.5 < seen.score


def test_nobody(parser: FaceParser, no_face: NDArray[np.uint8]) -> None:
    faces = parser.parse(no_face)
    assert faces == []
    assert not paste(faces, *no_face.shape[:2]).any()


def test_a_large_picture(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    faces = parser.parse(cv2.resize(astronaut, (3000, 3000), interpolation=cv2.INTER_CUBIC))
    assert len(faces) == 1
    assert overlap(tuple(value * 512 / 3000 for value in faces[0].box), BOX) > 0.75


@pytest.mark.parametrize("shape", [(20, 20), (400, 1), (1, 400), (1, 1), (33, 700)])
def test_pictures_of_odd_shapes(parser: FaceParser, shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), 128, np.uint8)
    assert paste(parser.parse(rgb), *shape).shape == shape


def test_wrong_pictures(parser: FaceParser) -> None:
    for wrong in (np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3), np.float32)):
        with pytest.raises(ValueError, match="uint8"):
            parser.parse(wrong)


def test_what_people_have_is_taken_or_refused_in_a_sentence(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    (face,) = parser.parse(Image.fromarray(astronaut))
    assert face.box == parser.parse(astronaut)[0].box
    for wrong in (None, "photo.jpg", [[1]], np.zeros((0, 0, 3), np.uint8)):
        with pytest.raises(ValueError, match="a picture is"):
            parser.parse(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="x0 < x1"):
        parser.parse_boxes(astronaut, [(180, 60, 90, 120)])
    with pytest.raises(ValueError, match="batch"):
        FaceParser("lite", "cpu", batch=0)


def test_a_parser_that_is_sent_to_another_process_is_the_same(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    sent = pickle.loads(pickle.dumps(parser))
    assert sent.parse(astronaut)[0].box == parser.parse(astronaut)[0].box


def test_batches_change_nothing(parser: FaceParser, group: NDArray[np.uint8]) -> None:
    one_by_one = FaceParser("lite", "cpu", batch=1).parse(group)
    together = parser.parse(group)
    assert np.allclose([face.box for face in one_by_one], [face.box for face in together], atol=0.5)


def test_with_flip_a_face_is_the_mean_of_both_views(astronaut: NDArray[np.uint8]) -> None:
    parser = FaceParser("lite", "cpu", flip=True)
    face = parser.parse(astronaut)[0]
    crop = cut_crop(astronaut, face.transform, face.probabilities.shape[1])
    plain, mirrored = (parser.predict(np.ascontiguousarray(view)[None])[0] for view in (crop, crop[:, ::-1]))
    swapped = mirrored[classes.mirror(np.arange(19, dtype=np.uint8))][..., ::-1]
    assert (plain.argmax(0) != swapped.argmax(0)).any()
    mean = (plain + swapped) / 2
    drop_islands(mean)
    np.testing.assert_allclose(face.probabilities, mean, atol=1e-5)


@pytest.mark.parametrize("light", [0.4, 0.1, 0.05])
def test_a_face_in_the_dark(parser: FaceParser, astronaut: NDArray[np.uint8], light: float) -> None:
    dark = (astronaut * light).astype(np.uint8)
    (bright,) = parser.parse(astronaut)
    (given,) = parser.parse_boxes(dark, [bright.box])
    for face in (*parser.parse(dark), given):
        assert overlap(face.box, bright.box) > 0.97
        assert face.score > bright.score - 0.02


def test_a_face_against_the_light(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    backlit = (astronaut * 0.1).astype(np.uint8)
    backlit[:, :60] = 240
    seen, expected = (paste(parser.parse(rgb), 512, 512)[:180, 150:300] for rgb in (backlit, astronaut))
    assert (seen == expected)[expected > 0].mean() > 0.96


def test_a_face_blurred_by_camera_shake(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    (face,) = parser.parse(cv2.blur(astronaut, (1, 17)))
    assert overlap(face.box, BOX) > 0.6


def test_boxes_of_another_detector(parser: FaceParser, astronaut: NDArray[np.uint8]) -> None:
    own, wide, nobody = (175, 78, 275, 185), (150, 40, 290, 200), (300, 300, 400, 420)
    turned = (BOX[1], 511 - BOX[2], BOX[3], 511 - BOX[0])
    for rgb, box in ((astronaut, own), (astronaut, wide)):
        (face,) = parser.parse_boxes(rgb, [box])
        assert overlap(face.box, BOX) > 0.7 and face.score > 0.5
    (lying,) = parser.parse_boxes(np.ascontiguousarray(np.rot90(astronaut)), [turned])
    assert overlap(lying.box, turned) > 0.7 and lying.score > 0.5
    first, second = parser.parse_boxes(astronaut, [nobody, own])
    assert first.score == 0 and second.score > 0.5
    assert parser.parse_boxes(astronaut, []) == []


def test_small_faces_in_a_large_picture_are_found_when_asked_for(group: NDArray[np.uint8]) -> None:
    small = cv2.resize(group, None, fx=0.31, fy=0.31, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    picture = np.full((3600, 6000, 3), 120, np.uint8)
    picture[3200 : 3200 + height, 5500 : 5500 + width] = small
    known = FaceParser("lite", "cpu").parse(small)
    assert len(known) >= 4 and max(face.box[3] - face.box[1] for face in known) < 32
    found = FaceParser("lite", "cpu", min_face=20).parse(picture)
    assert len(found) >= 4 > len(FaceParser("lite", "cpu").parse(picture))
    for face in found:
        x, y = (face.box[0] + face.box[2]) / 2 - 5500, (face.box[1] + face.box[3]) / 2 - 3200
        assert any(other.box[0] < x < other.box[2] and other.box[1] < y < other.box[3] for other in known)


def test_pictures_of_any_batch_and_size(parser: FaceParser) -> None:
    for shape in ((1, 64, 96), (3, 32, 32), (2, 160, 64)):
        rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
        together = parser.predict(rgb)
        assert together.shape == (shape[0], 19, *shape[1:])
        np.testing.assert_allclose(together.sum(1), 1, atol=0.02)
        for one, each in zip(rgb, together, strict=True):
            np.testing.assert_allclose(parser.predict(one[None])[0], each, atol=0.02)
