from __future__ import annotations

import json
from pathlib import Path

import pytest

from facelm.pictures.boxes import read_boxes
from facelm.pictures.files import ImageError


def test_typed_boxes_hold_for_every_picture() -> None:
    boxes = read_boxes(["1,2,30,40", "5.5,6,7,8"])
    assert boxes.of("any.jpg") == [(1, 2, 30, 40), (5.5, 6, 7, 8)]


def test_files_name_pictures_by_path_or_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,x0,y0,x1,y1,score\nsub/a.jpg,1,2,3,4,1\nb.jpg,5,6,7,8,1\nb.jpg,1,1,2,2,1\n")
    (tmp_path / "a.json").write_text(json.dumps({"c.jpg": [[9, 9, 19, 19]]}))
    boxes = read_boxes([str(tmp_path / "a.csv"), str(tmp_path / "a.json")])
    assert boxes.of("sub/a.jpg") == [(1, 2, 3, 4)]
    assert boxes.of("else/where/b.jpg") == [(5, 6, 7, 8), (1, 1, 2, 2)]
    assert boxes.of("c.jpg") == [(9, 9, 19, 19)]
    assert boxes.of("d.jpg") == []


@pytest.mark.parametrize("text", ["1,2,3", "no such file", "3,2,1,4", "a,b,c,d", "nan,0,1,1"])
def test_what_is_no_box_is_named(text: str) -> None:
    with pytest.raises(ImageError, match=text):
        read_boxes([text])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "image,x0\na.jpg,1\n"),
        ("a.json", "[1]"),
        ("a.json", '{"a.jpg": [[1, 2]]}'),
        ("a.json", "{"),
        ("a.csv", 'image\n"' + "x" * 200_000),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_named(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ImageError, match=name):
        read_boxes([str(tmp_path / name)])
