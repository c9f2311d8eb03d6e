from __future__ import annotations

import json
import math

import numpy as np

from facelm.classes import NAMES
from facelm.measuring.metrics import FaceScores
from facelm.measuring.reports import Evaluation, Report, to_json
from facelm.training.scores import ConfusionMatrix


def report(**changes: object) -> Report:
    fields = dict.fromkeys(("masks", "confusion", "landmarks", "faces"))
    return Report(**{"pictures": 2, "names": NAMES, "missed_masks": 0, **fields, **changes})  # type: ignore[arg-type]


def test_what_the_pictures_tell_nothing_about_is_left_out() -> None:
    assert to_json(Evaluation(report(), {}, ("a.jpg: no such file",))) == {
        "pictures": 2,
        "failed": ["a.jpg: no such file"],
    }
    assert math.isnan(report().core_f1)


def test_what_is_no_number_is_null() -> None:
    matrix = ConfusionMatrix()
    matrix.add(np.array([0, 1], np.uint8), np.array([0, 1], np.uint8))
    masks = report(masks=matrix.scores(), confusion=matrix.counts)
    plain = to_json(Evaluation(masks, {"old": masks, "new": report()}, ()))
    assert plain["masks"]["f1"]["skin"] == 1 and plain["masks"]["f1"]["hat"] is None
    assert list(plain["groups"]) == ["old", "new"] and "masks" not in plain["groups"]["new"]
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_recall_without_a_face_is_null() -> None:
    nobody = to_json(Evaluation(report(faces=FaceScores(0, 0, 3)), {}, ()))
    assert nobody["faces"] == {"faces": 0, "found": 0, "recall": None, "false": 3}
