from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from common import draw_face, write_pair

from facelm.landmarks.points import PARTS
from facelm.landmarks.shape import shape_model
from facelm.measuring.truth import align_landmarks, find_truths, read_column
from facelm.pictures import affine
from facelm.pictures.crops import PLACES
from facelm.training.data import DataError

POINTS = [[float(i), 2.0 * i] for i in range(68)]


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def test_masks_landmarks_and_boxes_of_a_picture_come_together(tmp_path: Path) -> None:
    write_pair(tmp_path, "b", *draw_face(64, 0))
    write_pair(tmp_path, "a", *draw_face(64, 1))
    write(tmp_path, "landmarks68.json", {"a.png": [None, *POINTS[1:]]})
    write(tmp_path, "faces.json", {"c.png": {"boxes_xyxy": [[1, 2, 3, 4]], "complete": False}})
    a, b, c = find_truths(tmp_path)
    assert [truth.image for truth in (a, b, c)] == [tmp_path / "images" / f"{name}.png" for name in "abc"]
    assert a.example and b.example and c.example is None
    assert a.points is not None and b.points is None
    assert np.isnan(a.points[0]).all()
    np.testing.assert_array_equal(a.points[1:], POINTS[1:])
    assert a.boxes is None and a.complete
    assert c.boxes == ((1, 2, 3, 4),) and not c.complete


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_any_encoding(tmp_path: Path, encoding: str) -> None:
    contents = {"landmarks68.json": json.dumps({"ä.jpg": POINTS}), "people.csv": "image,group\nä.jpg,north\n"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content.encode(encoding))
    assert [truth.image.name for truth in find_truths(tmp_path)] == ["ä.jpg"]
    assert read_column(tmp_path, "group", ["ä.jpg"]) == {"ä.jpg": "north"}


def test_jaw_lines_go_with_the_landmarks(tmp_path: Path) -> None:
    write(tmp_path, "landmarks68.json", {"a.jpg": POINTS, "b.jpg": POINTS})
    write(tmp_path, "jawlines.json", {"b.jpg": [[1, 2], [3, 4], [5, 6]]})
    a, b = find_truths(tmp_path)
    assert a.jaw_line is None and b.jaw_line is not None
    np.testing.assert_array_equal(b.jaw_line, [[1, 2], [3, 4], [5, 6]])


def test_pictures_may_lie_in_the_folder_itself(tmp_path: Path) -> None:
    write(tmp_path, "landmarks68.json", {"a.jpg": POINTS})
    assert [truth.image for truth in find_truths(tmp_path)] == [tmp_path / "a.jpg"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("landmarks68.json", "{"),
        ("landmarks68.json", [1]),
        ("landmarks68.json", {"a.jpg": POINTS[:5]}),
        ("landmarks68.json", {"a.jpg": 3}),
        ("landmarks68.json", {"a.jpg": [*POINTS[:2], *[None] * 66]}),
        ("jawlines.json", {"a.jpg": [[1, 2]]}),
        ("faces.json", "no"),
        ("faces.json", {"a.jpg": {"complete": True}}),
        ("faces.json", {"a.jpg": {"boxes_xyxy": [[1, 2, 3]]}}),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_named(tmp_path: Path, name: str, content: object) -> None:
    write(tmp_path, "landmarks68.json", {"a.jpg": POINTS})
    write(tmp_path, name, content)
    with pytest.raises(DataError, match=name):
        find_truths(tmp_path)


def test_a_folder_that_tells_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a data folder; .* or landmarks68\.json or faces\.json"):
        find_truths(tmp_path)


def test_a_column_is_read_by_name_or_stem(tmp_path: Path) -> None:
    write(tmp_path, "people.csv", "image,gender\na.jpg,female\nb,male\n")
    assert read_column(tmp_path, "gender", ["a.jpg", "b.jpg", "c.jpg"]) == {
        "a.jpg": "female",
        "b.jpg": "male",
        "c.jpg": "unknown",
    }


def test_many_numbers_are_binned(tmp_path: Path) -> None:
    write(tmp_path, "people.csv", "image,age\n" + "".join(f"{i}.jpg,{20 + i}\n" for i in range(12)))
    names = [f"{i}.jpg" for i in range(13)]
    found = read_column(tmp_path, "age", names)
    assert found["0.jpg"] == found["2.jpg"]
    assert found["11.jpg"] == found["10.jpg"] != found["0.jpg"]
    assert found["12.jpg"] == "unknown"
    assert len(set(found.values())) == 5


def test_a_number_that_is_none_leaves_the_values_as_they_are(tmp_path: Path) -> None:
    values = [*map(str, range(20, 32)), "nan"]
    write(tmp_path, "people.csv", "image,age\n" + "".join(f"{i}.jpg,{value}\n" for i, value in enumerate(values)))
    names = [f"{i}.jpg" for i in range(13)]
    assert list(read_column(tmp_path, "age", names).values()) == values


def test_a_row_with_too_many_fields_is_no_column(tmp_path: Path) -> None:
    write(tmp_path, "people.csv", "image,age\na.jpg,20,more\n")
    with pytest.raises(DataError, match=r"--by gender: .* there are age"):
        read_column(tmp_path, "gender", ["a.jpg"])


def test_a_column_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no CSV file there has a column image"):
        read_column(tmp_path, "age", ["a.jpg"])
    write(tmp_path, "people.csv", "image,gender\na.jpg,female\n")
    with pytest.raises(DataError, match=r"--by age: .* there are gender"):
        read_column(tmp_path, "age", ["a.jpg"])


def test_align_landmarks_brings_a_face_to_its_place_also_when_points_are_not_known() -> None:
    points = 120 * shape_model().mean[:, :2] + (300, 200)
    points[[0, 37, 50]] = np.nan
    moved = affine.apply(align_landmarks(points), points)
    for part, group in (("r_eye", "right_eye"), ("l_eye", "left_eye"), ("lips", "outer_lips")):
        assert np.abs(np.nanmean(moved[list(PARTS[group])], 0) - PLACES[part]).max() < 0.02
