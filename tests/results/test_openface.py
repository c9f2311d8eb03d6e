from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from common import ROOT
from recorded import face, same, text
from scipy.spatial.transform import Rotation

from facelm.results.records import PictureRecord

POSE = ["pose_Rx", "pose_Ry", "pose_Rz"]


def test_csv_has_openface_columns(records, points):
    table = pd.read_csv(io.StringIO(text(records, "csv")))
    assert list(table.columns) == [
        *("frame", "face_id", "timestamp", "confidence", "success", "pose_Rx", "pose_Ry", "pose_Rz"),
        *(f"x_{point}" for point in range(68)),
        *(f"y_{point}" for point in range(68)),
        "image",
    ]
    assert table.frame.tolist() == [1, 2, 3, 4, 4]
    assert table.face_id.tolist() == [0, 0, 0, 0, 1]
    assert table.success.tolist() == [1, 0, 0, 1, 1]
    assert table.timestamp.tolist() == [0.0] * 5
    assert table.confidence.tolist() == [0.9877, 0, 0, 0.9877, 0.9877]
    assert table.image[0] == "in/Zoë ünd 1.jpg"
    found = table[table.success == 1]
    x = found[[f"x_{point}" for point in range(68)]].to_numpy()
    y = found[[f"y_{point}" for point in range(68)]].to_numpy()
    same(np.stack([x, y], axis=-1), points)
    degrees = np.degrees(found[POSE].to_numpy(float))
    wanted = Rotation.from_euler("ZYX", [-3.14159, -4.0, 2.0], degrees=True).as_euler("XYZ", degrees=True)
    np.testing.assert_allclose(degrees, [wanted] * 3, atol=0.001)
    assert table[table.success == 0].loc[:, "pose_Rx":"y_67"].isna().all(axis=None)


@pytest.mark.parametrize("name", ['a, "b".jpg', "two\nlines.jpg", " x .jpg", "'", "=1+1", "日本.jpg"])
def test_csv_quotes_awkward_names(name):
    assert pd.read_csv(io.StringIO(text([PictureRecord(name, 1, 1)], "csv"))).image.tolist() == [name]


def test_csv_keeps_a_carriage_return_from_ending_the_row():
    table = pd.read_csv(io.StringIO(text([PictureRecord("Icon\r.jpg", 1, 1)], "csv")))
    assert table.image.tolist() == [r"Icon\r.jpg"]


@pytest.mark.parametrize(
    ("angles", "wanted"),
    [
        ((60, -20, 0), (36.1, -54.5, 30.6)),
        ((40, -20, 15), (34.1, -29.7, 31.6)),
        ((0, 20, 0), (-20, 0, 0)),
        ((-30, 0, 0), (0, 30, 0)),
        ((0, 0, 12), (0, 0, 12)),
    ],
)
def test_angles_are_those_of_openface(angles, wanted):
    record = PictureRecord("a.jpg", 9, 9, (face(yaw=angles[0], pitch=angles[1], roll=angles[2]),))
    row = pd.read_csv(io.StringIO(text([record], "csv"))).loc[0, POSE].to_numpy(float)
    np.testing.assert_allclose(np.degrees(row), wanted, atol=0.05)


def test_a_command_writes_the_same_rotation_in_csv_and_json(facelm):
    def run(kind: str) -> str:
        return facelm("landmarks", ROOT / "sample_images/person.jpg", "--format", kind).stdout

    pose = json.loads(run("jsonl"))["faces"][0]["pose"]
    wanted = Rotation.from_euler("ZYX", [pose["roll"], -pose["yaw"], -pose["pitch"]], degrees=True)
    row = pd.read_csv(io.StringIO(run("csv"))).loc[0, POSE].to_numpy(float)
    assert (Rotation.from_euler("XYZ", row) * wanted.inv()).magnitude() < np.radians(0.02)
    assert row[0] > 0.05, "she looks down a little"


def test_control_characters_of_a_name_are_spelled_out():
    record = PictureRecord("a\x1b[2J\r\x9b.jpg", 10, 10)
    written = text([record], "csv")
    assert written.endswith(r"a\x1b[2J\r\x9b.jpg" + "\n")
    assert len(written.splitlines()) == 2
