from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from common import ROOT

from facelm import classes

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_classes_are_shown_with_their_numbers(facelm: Run) -> None:
    shown = facelm("classes").stdout
    known = (*classes.CLASSES, *classes.REGIONS, classes.HAND)
    for each in known:
        assert re.search(rf"\b{each.index} \W+ {each.name} \W+ {re.escape(each.meaning)}", shown)
    listed = json.loads(facelm("classes", "--json").stdout)
    assert [(each["index"], each["name"]) for each in listed] == [(each.index, each.name) for each in known]


def test_the_page_of_masks_has_the_same_table() -> None:
    rows = re.findall(
        r"^\| (\d+) \| `(\w+)` \| (.+?) \|$", (ROOT / "docs" / "masks.md").read_text("utf-8"), re.MULTILINE
    )
    assert rows == [(str(each.index), each.name, each.meaning) for each in classes.CLASSES]


def test_a_page_of_photos_has_the_failures_too(facelm: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("person.jpg", "no_face.jpg"):
        shutil.copy(ROOT / "sample_images" / name, tmp_path / "in" / name)
    (tmp_path / "in" / "cut.jpg").write_bytes((ROOT / "sample_images" / "person.jpg").read_bytes()[:3000])
    done = facelm("report", tmp_path / "in", "-o", tmp_path / "page.html", "--json")
    assert done.returncode == 1 and "cut.jpg" in done.stderr
    assert [Path(json.loads(line)["image"]).name for line in done.stdout.splitlines()] == [
        "cut.jpg",
        "no_face.jpg",
        "person.jpg",
    ]
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("<article") == 3 and page.count("data:image/jpeg") == 2
    assert re.search(r"cut\.jpg: truncated or damaged", page)
    again = facelm("report", tmp_path / "in", "-o", tmp_path / "page.html")
    assert again.returncode == 2 and "--overwrite" in again.stderr
    assert facelm("report", tmp_path / "in", "-o", tmp_path / "page.html", "--skip-existing").returncode == 0
    assert (tmp_path / "page.html").read_text("utf-8") == page


@pytest.mark.parametrize(
    ("options", "told"),
    [(["--by", "age"], "are for one folder with known answers"), ([], "give at least one INPUT")],
)
def test_wrong_usage_of_the_page_is_told(facelm: Run, tmp_path: Path, options: list[str], told: str) -> None:
    given = [ROOT / "sample_images" / "person.jpg"] if options else []
    done = facelm("report", *given, *options, "-o", tmp_path / "page.html")
    assert done.returncode == 2 and told in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--box", "1,2,3,4"],
        ["--every", 2],
        ["--no-smooth"],
        ["--faces", "largest"],
        ["--max-pixels", 9],
        ["--manifest", "run.jsonl"],
        ["--json"],
        ["--engine", "ray"],
    ],
)
def test_options_that_a_folder_with_known_answers_has_no_use_for_are_told(
    facelm: Run, tmp_path: Path, options: list[str]
) -> None:
    (tmp_path / "masks").mkdir()
    done = facelm("report", tmp_path, *options, "-o", tmp_path / "page.html")
    assert done.returncode == 2 and not (tmp_path / "page.html").exists()
    assert f"{options[0]} is not for a folder with known answers" in done.stderr and len(done.stderr.splitlines()) == 1
