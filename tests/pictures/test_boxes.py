from __future__ import annotations

import json
from pathlib import Path

import pytest
from common import ROOT

from facelm.pictures.boxes import Boxes, read_boxes
from facelm.pictures.files import ImageError


def test_typed_boxes_hold_for_every_picture() -> None:
    matched = read_boxes(["1,2,30,40", "5.5,6,7,8"]).match(["any.jpg"])
    assert matched.of == {"any.jpg": [(1, 2, 30, 40), (5.5, 6, 7, 8)]}


def test_files_name_pictures_by_path_or_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,x0,y0,x1,y1,score\nsub/a.jpg,1,2,3,4,1\nb.jpg,5,6,7,8,1\nb.jpg,1,1,2,2,1\n")
    (tmp_path / "a.json").write_text(json.dumps({"c.jpg": [[9, 9, 19, 19]]}))
    boxes = read_boxes([str(tmp_path / "a.csv"), str(tmp_path / "a.json")])
    matched = boxes.match(["sub/a.jpg", "a.jpg", "else/where/b.jpg", "c.jpg", "d.jpg"])
    assert matched.of == {
        "sub/a.jpg": [(1, 2, 3, 4)],
        "a.jpg": [],
        "else/where/b.jpg": [(5, 6, 7, 8), (1, 1, 2, 2)],
        "c.jpg": [(9, 9, 19, 19)],
        "d.jpg": [],
    }
    assert (matched.strangers, matched.bare) == ([], ["a.jpg", "d.jpg"])


@pytest.mark.parametrize(
    "name", ["./in/a.jpg", "other/a.jpg", "in\\a.jpg", r"C:\data\in\a.jpg", "IN/A.JPG", "/x/A.jpg"]
)
def test_names_of_other_machines(name: str) -> None:
    matched = Boxes((), {name: [(1, 2, 3, 4)]}).match(["in/a.jpg", "in/b.jpg"])
    assert matched.of["in/a.jpg"] == [(1, 2, 3, 4)]
    assert (matched.strangers, matched.bare) == ([], ["in/b.jpg"])


def test_a_file_name_that_is_not_unique_is_not_guessed_at() -> None:
    boxes = Boxes((), {"a.jpg": [(1, 2, 3, 4)]})
    assert boxes.match(["x/a.jpg", "y/a.jpg"]).strangers == ["a.jpg"]
    two = Boxes((), {"x/a.jpg": [(1, 2, 3, 4)], "y/a.jpg": [(5, 6, 7, 8)]})
    assert two.match(["z/a.jpg"]).bare == ["z/a.jpg"]


def test_a_command_tells_what_does_not_match(facelm, tmp_path: Path) -> None:
    person = str(ROOT / "sample_images/person.jpg")
    (tmp_path / "a.csv").write_bytes("image,x0,y0,x1,y1\nPERSON.jpg,179,86,270,177\nx.jpg,1,2,3,4\n".encode("utf-16"))
    done = facelm("landmarks", person, ROOT / "sample_images/no_face.jpg", "--box", tmp_path / "a.csv")
    assert done.returncode == 0
    assert [len(json.loads(line)["faces"]) for line in done.stdout.splitlines()] == [1, 0]
    assert "1 names match no picture: x.jpg" in done.stderr
    assert "1 names have no box" in done.stderr
    (tmp_path / "b.json").write_text(json.dumps({"x.jpg": [[1, 2, 3, 4]]}))
    refused = facelm("landmarks", person, "--box", tmp_path / "b.json")
    assert refused.returncode == 2 and "x.jpg" in refused.stderr
    (tmp_path / "c.csv").write_text("file,left,top,w,h\na.jpg,1,2,3,4\n")
    refused = facelm("landmarks", person, "--box", tmp_path / "c.csv")
    assert refused.returncode == 2 and "wanted" in refused.stderr and "KeyError" not in refused.stderr


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
