from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pycocotools.coco import COCO
from recorded import face, hand

from facelm.hands.points import NAMES
from facelm.results import formats
from facelm.results.coco import encode_region
from facelm.results.hands import describe_hands
from facelm.results.records import PictureRecord

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def records() -> list[PictureRecord]:
    return [
        PictureRecord("a.jpg", 80, 60, (face(1),), hands=(hand(1), hand(2))),
        PictureRecord("b.jpg", 80, 60, (), hands=()),
    ]


def test_json_has_hands_after_faces_and_only_where_they_were_asked_for(records: list[PictureRecord]) -> None:
    document = formats.to_json(records[0])
    assert list(document)[-2:] == ["faces", "hands"]
    first, second = document["hands"]
    assert list(first) == ["box", "score", "side", "landmarks", "confidence", "visible"]
    assert first["box"] == [4.12, 5.0, 40.0, 50.99] and first["score"] == 0.9712
    assert (first["side"], second["side"]) == ("left", "right")
    assert len(first["landmarks"]) == len(first["confidence"]) == len(first["visible"]) == 21
    assert formats.to_json(records[1])["hands"] == []
    assert "hands" not in formats.to_json(replace(records[0], hands=None))
    followed = formats.to_json(replace(records[0], hands=(hand(3, track=7, landmarks_3d=np.ones((21, 3))),)))
    assert followed["hands"][0]["track"] == 7 and followed["hands"][0]["landmarks_3d"] == [[1.0, 1.0, 1.0]] * 21


def test_lines_are_gone_on_with_where_they_tell_of_the_same(records: list[PictureRecord], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    formats.save(records, "jsonl", path)
    read = formats.load_jsonl(path, with_hands=True)
    assert [formats.to_json(record) for (record,) in read.values()] == [formats.to_json(record) for record in records]
    assert formats.load_jsonl(path) == {}
    formats.save([replace(record, hands=None) for record in records], "jsonl", path)
    assert formats.load_jsonl(path, with_hands=True) == {} and len(formats.load_jsonl(path)) == 2


def test_csv_has_a_table_of_hands_beside_that_of_faces(records: list[PictureRecord], tmp_path: Path) -> None:
    formats.save(records, "csv", tmp_path / "x.csv", with_hands=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv", "x.hands.csv"]
    faces, hands = (pd.read_csv(tmp_path / name) for name in ("x.csv", "x.hands.csv"))
    assert faces.success.tolist() == [1, 0]
    assert hands.frame.tolist() == [1, 1] and hands.hand_id.tolist() == [0, 1]
    assert hands.side.tolist() == ["left", "right"] and hands.image.tolist() == ["a.jpg"] * 2
    points = np.stack([hands.loc[0, f"{axis}_0" : f"{axis}_20"].to_numpy(float) for axis in "xy"], 1)
    told = records[0].hands
    assert told is not None
    np.testing.assert_allclose(points, told[0].landmarks, atol=0.006)
    assert hands.loc[1, "visible_0":"visible_20"].tolist() == told[1].visible.astype(int).tolist()
    np.testing.assert_allclose(
        hands.loc[1, "confidence_0":"confidence_20"].to_numpy(float), told[1].confidence, atol=1e-3
    )
    formats.save(records, "csv", tmp_path / "alone.csv")
    assert not (tmp_path / "alone.hands.csv").exists()


def test_coco_has_a_second_category(
    records: list[PictureRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    region = np.zeros((60, 80), bool)
    region[10:30, 20:40] = True
    records[0] = replace(records[0], hands=(hand(1, region=encode_region(region), track=3),))
    formats.save(records, "coco", tmp_path / "a.json")
    coco = COCO(str(tmp_path / "a.json"))
    capsys.readouterr()
    first, second = coco.loadCats([1, 2])
    assert (first["name"], second["name"]) == ("face", "hand") and second["keypoints"] == list(NAMES)
    assert len(second["skeleton"]) == 20
    (found,) = coco.loadAnns(coco.getAnnIds(catIds=[2]))
    assert (found["id"], found["image_id"], found["side"], found["track_id"]) == (2, 1, "left", 3)
    assert len(found["keypoints"]) == 63 and found["bbox"] == [4.12, 5.0, 36.88, 46.99]
    assert np.array_equal(coco.annToMask(found) > 0, region)
    formats.save([replace(records[1], hands=None)], "coco", tmp_path / "b.json")
    assert len(json.loads((tmp_path / "b.json").read_text())["categories"]) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"landmarks": np.zeros((20, 2))}, "landmarks has shape"),
        ({"side": "both"}, "side is both"),
        ({"score": np.nan}, "not finite"),
    ],
)
def test_records_that_make_no_sense_are_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        hand(0, **changes)


def test_no_hand_is_described_as_none() -> None:
    assert describe_hands([], 60, 80, encode_region, True) == ()
