from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from facelm.classes import IGNORE, INDEX, NAMES
from facelm.training.scores import ConfusionMatrix, Scores, core_f1

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)
KNOWN = st.integers(0, 18)


def masks(*rows: list[int]) -> list[np.ndarray]:
    return [np.array(row, np.uint8) for row in rows]


def count(truth: np.ndarray, predicted: np.ndarray) -> ConfusionMatrix:
    matrix = ConfusionMatrix()
    matrix.add(truth, predicted)
    return matrix


def test_counts_and_scores_as_computed_by_hand() -> None:
    truth, predicted = masks([0, 0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 1, 2, 2, 2, 0])
    matrix = count(truth, predicted)
    wanted = np.zeros((19, 19), np.int64)
    wanted[:3, :3] = [[3, 1, 0], [0, 2, 1], [1, 0, 2]]
    np.testing.assert_array_equal(matrix.counts, wanted)
    scores = matrix.scores()
    assert scores.pixel_accuracy == pytest.approx(0.7)
    assert scores.f1[:3] == pytest.approx((6 / 8, 4 / 6, 4 / 6))
    assert scores.mean_f1 == pytest.approx((4 / 6 + 4 / 6) / 2)  # background is left out
    assert scores.mean_iou == pytest.approx((3 / 5 + 2 / 4 + 2 / 4) / 3)


def test_unknown_pixels_do_not_count() -> None:
    truth, predicted = masks([1, 1, IGNORE, IGNORE], [1, 2, 1, 5])
    matrix = count(truth, predicted)
    assert matrix.counts.sum() == 2
    assert matrix.scores().f1[1] == pytest.approx(2 / 3)
    assert math.isnan(matrix.scores().f1[5])


def test_absent_classes_are_nan_and_left_out_of_the_means() -> None:
    scores = count(*masks([0, 0, 13], [0, 0, 13])).scores()
    assert [i for i, f1 in enumerate(scores.f1) if not math.isnan(f1)] == [0, INDEX["hair"]]
    assert scores.mean_f1 == scores.mean_iou == 1


def test_the_core_is_the_bare_face() -> None:
    f1 = np.arange(19) / 100
    core = [INDEX[n] for n in ("skin", "nose", "l_eye", "r_eye", "l_brow", "r_brow", "mouth", "u_lip", "l_lip")]
    assert core_f1(f1) == pytest.approx(f1[core].mean())
    assert core_f1(f1[::-1], NAMES[::-1]) == core_f1(f1)
    f1[INDEX["mouth"]] = np.nan
    assert core_f1(f1) == pytest.approx(np.nanmean(f1[core]))
    assert math.isnan(core_f1([0.5, 0.5], ["background", "nose"]))
    assert math.isnan(core_f1([np.nan] * 19))


def test_a_class_only_predicted_counts_as_nought() -> None:
    scores = count(*masks([1, 1], [1, 2])).scores()
    assert scores.f1[2] == 0
    assert scores.mean_f1 == pytest.approx((2 / 3 + 0) / 2)


@pytest.mark.filterwarnings("error")
def test_nothing_counted_is_nan_without_a_warning() -> None:
    for matrix in (ConfusionMatrix(), count(*masks([IGNORE], [1]))):
        scores = matrix.scores()
        assert math.isnan(scores.pixel_accuracy)
        assert math.isnan(scores.mean_f1)
        assert math.isnan(scores.mean_iou)


def test_only_background_has_an_iou_but_no_f1_of_the_foreground() -> None:
    scores = count(*masks([0, 0], [0, 0])).scores()
    assert scores.mean_iou == 1
    assert math.isnan(scores.mean_f1)


@given(hnp.arrays(np.uint8, SHAPES, elements=KNOWN))
def test_a_perfect_prediction_scores_one(mask: np.ndarray) -> None:
    scores = count(mask, mask).scores()
    assert scores.pixel_accuracy == scores.mean_iou == 1
    assert scores.mean_f1 == 1 or not mask.any()
    assert all(f1 == 1 for f1 in scores.f1 if not math.isnan(f1))


@given(st.data(), SHAPES)
def test_scores_lie_in_the_unit_interval_and_masks_add_up(data: st.DataObject, shape: tuple[int, int]) -> None:
    truth = data.draw(hnp.arrays(np.uint8, shape, elements=KNOWN | st.just(IGNORE)))
    predicted = data.draw(hnp.arrays(np.uint8, shape, elements=KNOWN))
    whole, rows = count(truth, predicted), ConfusionMatrix()
    for row in range(shape[0]):
        rows.add(truth[row], predicted[row])
    np.testing.assert_array_equal(whole.counts, rows.counts)
    assert whole.counts.sum() == (truth != IGNORE).sum()
    scores: Scores = whole.scores()
    for value in (scores.pixel_accuracy, scores.mean_iou, scores.mean_f1, *scores.f1):
        assert math.isnan(value) or 0 <= value <= 1
