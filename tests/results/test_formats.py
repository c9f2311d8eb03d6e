from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recorded import face, same, text

from facelm.results import formats
from facelm.results.formats import FORMATS, TEXT_FORMATS
from facelm.results.records import PictureRecord

SUFFIX = {"jsonl": "jsonl", "json": "json", "csv": "csv", "coco": "json", "npz": "npz"}


def test_json_is_the_contract(records):
    document = formats.to_json(records[0])
    assert list(document) == ["image", "width", "height", "faces"]
    assert (document["image"], document["width"], document["height"]) == ("in/Zoë ünd 1.jpg", 80, 60)
    (found,) = document["faces"]
    assert list(found) == ["box", "score", "roll", "pose", "landmarks", "confidence", "visible"]
    assert found["box"] == [10.12, 5.0, 50.0, 55.99]
    assert found["score"] == 0.9877
    assert found["roll"] == -3.14
    assert found["pose"] == {"yaw": 4.0, "pitch": -2.0, "roll": -3.14}
    assert len(found["landmarks"]) == len(found["confidence"]) == len(found["visible"]) == 68
    assert all(type(seen) is bool for seen in found["visible"])
    assert found["visible"] == records[0].faces[0].visible.tolist()
    np.testing.assert_allclose(found["confidence"], records[0].faces[0].confidence, atol=0.000501)


def test_json_of_no_face_and_of_an_unreadable_picture(records):
    assert formats.to_json(records[1]) == {"image": "in/empty.png", "width": 7, "height": 9, "faces": []}
    assert formats.to_json(records[2]) == {"image": "in/broken.jpg", "error": "broken.jpg: truncated"}


def test_jsonl_has_a_line_for_each_picture(records, points):
    documents = [json.loads(line) for line in text(records, "jsonl").splitlines()]
    assert documents == [formats.to_json(record) for record in records]
    same([found["landmarks"] for document in documents for found in document.get("faces", [])], points)


def test_json_is_one_list(records):
    assert json.loads(text(records, "json")) == [formats.to_json(record) for record in records]
    assert json.loads(text([], "json")) == []


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_each_picture_is_flushed_before_the_next_is_asked_for(records, format):
    class Stream(io.StringIO):
        flushed = ""

        def flush(self) -> None:
            self.flushed = self.getvalue()

    stream = Stream()

    def killed() -> Iterator[PictureRecord]:
        yield records[0]
        assert stream.flushed == stream.getvalue() != ""
        assert stream.flushed.endswith("\n")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        formats.dump(killed(), format, stream)
    assert stream.flushed == text(records[:1], format)


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_a_saved_file_is_what_dump_writes(records, format, tmp_path):
    formats.save(iter(records), format, tmp_path / "faces")
    assert (tmp_path / "faces").read_bytes().decode("utf-8") == text(records, format)


@pytest.mark.parametrize("format", SUFFIX)
def test_save_is_whole_or_not_at_all(records, format, tmp_path):
    path = tmp_path / f"faces.{SUFFIX[format]}"
    path.write_text("from an earlier run")

    def failing() -> Iterator[PictureRecord]:
        yield records[0]
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        formats.save(failing(), format, path)
    assert path.read_text() == "from an earlier run"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_takes_pictures_without_a_face(records, format, tmp_path):
    formats.save(records[1:3], format, tmp_path / "faces")
    formats.save([], format, tmp_path / "none")


def test_unknown_formats(tmp_path):
    with pytest.raises(ValueError, match="'xml'; choose from jsonl, json, csv, coco, npz"):
        formats.save([], "xml", tmp_path / "faces.xml")
    for format in ("xml", "npz", "pts", "yolo"):
        with pytest.raises(ValueError, match=f"no text format '{format}'"):
            formats.dump([], format, io.StringIO())


@pytest.mark.parametrize("format", ["jsonl", "json", "coco"])
def test_nan_put_in_later_does_not_reach_json(format):
    late = face()
    late.landmarks[0, 0] = math.nan
    with pytest.raises(ValueError, match="JSON"):
        text([PictureRecord("a.jpg", 9, 9, (late,))], format)


def test_minus_zero_is_zero():
    assert '"roll": 0.0' in text([PictureRecord("a.jpg", 9, 9, (face(roll=-0.001),))], "jsonl")


def test_single_precision_rounds_as_well():
    found = formats.to_json(PictureRecord("a.jpg", 9, 9, (face(landmarks=np.full((68, 2), 12.34, np.float32)),)))
    assert found["faces"][0]["landmarks"][0] == [12.34, 12.34]


@pytest.mark.parametrize("format", SUFFIX)
def test_file_names_that_are_not_utf8(format, tmp_path):
    record = PictureRecord("caf\udce9.jpg", 9, 9, (face(),), stem="cafe")
    formats.save([record], format, tmp_path / "faces")
    if format != "npz":
        assert r"caf\udce9.jpg" in (tmp_path / "faces").read_text("utf-8").replace("\\\\", "\\")


@settings(max_examples=30)
@given(st.text(), arrays(np.float64, (68, 2), elements=st.floats(-1e5, 1e5)))
def test_any_name_and_any_points_survive_jsonl_and_csv(name, landmarks):
    record = PictureRecord(name, 9, 9, (face(landmarks=landmarks),))
    lines = text([record], "jsonl").splitlines()
    assert len(lines) == 1
    document = json.loads(lines[0])
    assert document["image"] == name
    same(document["faces"][0]["landmarks"], landmarks)
    row = pd.read_csv(io.StringIO(text([record], "csv")))
    same(row.loc[0, "x_0":"x_67"].to_numpy(float), landmarks[:, 0])
    same(row.loc[0, "y_0":"y_67"].to_numpy(float), landmarks[:, 1])


def test_no_heavy_imports():
    heavy = "{'torch', 'cv2', 'skimage', 'scipy', 'pycocotools'}"
    code = f"import sys, facelm.results.formats, facelm.pictures.sources; print(*({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""


@pytest.fixture
def solid() -> list[PictureRecord]:
    rng = np.random.default_rng(5)
    faces = tuple(face(seed, landmarks_3d=rng.uniform(-9, 90, (68, 3))) for seed in (1, 2))
    return [PictureRecord("nobody.jpg", 8, 8, stem="nobody"), PictureRecord("a.jpg", 80, 60, faces, stem="a")]


def test_points_in_space_are_the_same_in_all_formats_that_hold_them(solid: list[PictureRecord], tmp_path: Path) -> None:
    wanted = [found.landmarks_3d for found in solid[1].faces]
    for name in formats.SOLID_FORMATS:
        formats.save(solid, name, tmp_path / f"a.{name}", solid=True)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert json.loads((tmp_path / "a.json").read_text()) == lines
    np.testing.assert_allclose([found["landmarks_3d"] for found in lines[1]["faces"]], wanted, atol=0.01)
    table = pd.read_csv(tmp_path / "a.csv")
    assert pd.isna(table.loc[0, "Z_67"])
    columns = [[table.loc[row, f"{axis}_{i}"] for axis in "XYZ"] for row in (1, 2) for i in range(68)]
    np.testing.assert_allclose(np.array(columns, float).reshape(2, 68, 3), wanted, atol=0.01)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        np.testing.assert_allclose(file["landmarks_3d"], wanted, rtol=1e-6)


def test_without_being_asked_for_no_format_changes(tmp_path: Path, records: list[PictureRecord]) -> None:
    formats.save(records, "csv", tmp_path / "a.csv")
    formats.save(records, "npz", tmp_path / "a.npz")
    assert "Z_0" not in pd.read_csv(tmp_path / "a.csv").columns
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert "landmarks_3d" not in file
    assert "landmarks_3d" not in formats.to_json(records[0])["faces"][0]
