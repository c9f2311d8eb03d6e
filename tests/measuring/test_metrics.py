from __future__ import annotations

import math

import numpy as np
import pytest

from facelm.landmarks.shape import shape_model
from facelm.measuring.metrics import FaceErrors, measure_points, score_landmarks


def square(truth: np.ndarray, moved: float, confidence: float = 0.95, line: np.ndarray | None = None) -> FaceErrors:
    """A face whose points are all off by a share of its inter-ocular distance."""
    eyes = np.linalg.norm(truth[36] - truth[45])
    found = np.nan_to_num(truth) + np.array([moved * eyes, 0])
    return measure_points(found, np.full(68, confidence), truth, line, "interocular")


@pytest.fixture
def truth() -> np.ndarray:
    return 100 * shape_model().mean[:, :2] + (300, 200)


def test_near_points_are_within_five_percent_of_the_inter_ocular_distance(truth: np.ndarray) -> None:
    assert square(truth, 0.03).near.all() and not square(truth, 0.08).near.any()
    truth[3] = np.nan
    assert math.isnan(square(truth, 0.03).near[3])


def test_points_off_the_jaw_line_are_measured_across_it(truth: np.ndarray) -> None:
    found, line = truth.copy(), np.array([[0.0, 500], [200, 500], [600, 500]])
    found[:17] = np.column_stack([np.linspace(100, 500, 17), np.tile([490, 510], 9)[:17]])
    eyes = np.linalg.norm(truth[36] - truth[45])
    errors = measure_points(found, np.ones(68), truth, line, "interocular")
    assert errors.jaw_line == pytest.approx(100 * 10 / eyes)
    assert math.isnan(measure_points(found, np.ones(68), truth, None, "interocular").jaw_line)


def test_reliability_and_calibration_error(truth: np.ndarray) -> None:
    errors = [square(truth, 0.01, 0.95), square(truth, 0.2, 0.95), square(truth, 0.2, 0.15)]
    scores = score_landmarks([*errors, None])
    assert [(each.points, each.near) for each in scores.reliability] == [(68, 0), (136, 0.5)]
    assert [each.confidence for each in scores.reliability] == pytest.approx([0.15, 0.95])
    assert scores.calibration_error == pytest.approx((68 * 0.15 + 136 * 0.45) / 204)


def test_a_face_without_a_unit_is_neither_failure_nor_success(truth: np.ndarray) -> None:
    unknown = truth.copy()
    unknown[36] = np.nan
    far = truth + 1000.0
    errors = [measure_points(far, np.ones(68), each, None, "interocular") for each in (truth, unknown)]
    assert score_landmarks(errors).failure_rate == 1


def test_no_face_found_has_no_reliability() -> None:
    scores = score_landmarks([None, None])
    assert scores.reliability == () and math.isnan(scores.calibration_error) and scores.nme == 30
