from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from documents import browse

from facelm.landmarks.find import find_landmarks
from facelm.parsing.parser import FaceParser
from facelm.results.faces import record_faces
from facelm.results.page import Curve, Section, Tile, draw_tile, write_page

NASTY = "<img src=x onerror=document.title='caught'>\".jpg"


@pytest.fixture(scope="session")
def tile(parser: FaceParser, astronaut: np.ndarray) -> Tile:
    faces = parser.parse(astronaut)
    return draw_tile("in/one.jpg", astronaut, faces, record_faces(faces, 512, 512))


@pytest.fixture(scope="session")
def page(tile: Tile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos with yaws 3, none and -50, and a failure."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    values = tile.values or {}
    tiles = [
        replace(tile, name="b.jpg", values={**values, "yaw": 3.0}),
        replace(tile, name=NASTY, values={**values, "yaw": None, "faces": 0.0}),
        replace(tile, name="a.jpg", values={**values, "yaw": -50.0}),
        Tile("broken.jpg", "broken.jpg: truncated"),
    ]
    section = Section("F1 by class", ["", "all"], [["skin", "0.9"], ["<b>", "-"]])
    write_page(path, "photos & more", tiles, [section], Curve([(0.15, 0.1), (0.95, 0.9)]))
    return path


def files(document: str, shown: bool = True) -> list[str]:
    """The names of the pictures of a page in their order."""
    cards = re.findall(r"<article ([^>]*?)data-file=\"(.*?)\"([^>]*)>", document)
    return [name for before, name, after in cards if not (shown and re.search(r"\bhidden\b", before + after))]


def test_a_tile_holds_photo_mask_and_points(tile: Tile, parser: FaceParser, astronaut: np.ndarray) -> None:
    found = find_landmarks(parser.parse(astronaut)[0])
    assert (tile.width, tile.height) == (240, 240)
    assert tile.photo.startswith("data:image/jpeg;base64,") and tile.mask.startswith("data:image/png;base64,")
    assert len(re.findall("M", tile.seen + tile.hidden)) == 68
    x, y = (float(number) for number in re.findall(r"M([\d.]+) ([\d.]+)h0", tile.seen + tile.hidden)[0])
    assert tile.values is not None and list(tile.values) == ["faces", "score", "confidence", "yaw"]
    assert 0 < x < 240 and 0 < y < 240
    assert tile.values["faces"] == 1 and tile.values["yaw"] == pytest.approx(found.pose.yaw)
    assert tile.values["confidence"] == pytest.approx(found.confidence.min())


def test_the_page_needs_no_other_file_and_no_name_becomes_markup(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not re.findall(r"(?:src|href)=\"(?!data:)", text)
    assert "<img src=x" not in text and "&lt;img src=x" in text
    assert "photos &amp; more" in text and "&lt;b&gt;" in text


def test_it_sorts_and_filters_in_a_browser(page: Path) -> None:
    plain = browse(page)
    assert [name[:8] for name in files(plain)] == ["b.jpg", NASTY[:8].replace("<", "&lt;")[:8], "a.jpg", "broken.j"]
    assert "<title>photos &amp; more</title>" in plain and "4 of 4 pictures, 1 failed" in plain
    assert [name[:5] for name in files(browse(page, "sort=yaw"))] == ["a.jpg", "b.jpg", "&lt;i", "broke"]
    assert [name[:5] for name in files(browse(page, "sort=yaw&down=1"))] == ["b.jpg", "a.jpg", "&lt;i", "broke"]
    assert files(browse(page, "file=A.JPG&sort=file")) == ["a.jpg"]
    assert files(browse(page, "by=yaw&most=0")) == ["a.jpg"]
    failures = browse(page, "failed=1&opacity=0.8")
    assert files(failures) == ["broken.jpg"] and "--opacity: 0.8" in failures
    assert "broken.jpg: truncated" in failures


def test_it_is_used_by_keyboard(page: Path) -> None:
    script = """
      const press = key => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
      press("ArrowRight"); press("ArrowRight");
      const second = document.activeElement.dataset.at;
      press("ArrowLeft"); press("Enter");
      const enlarged = large.open && large.querySelectorAll("img").length; large.close();
      document.body.focus(); press("/");
      document.title = [second, enlarged, document.activeElement.id].join(" ");
    """
    assert "<title>1 2 file</title>" in browse(page, "", script)


def test_two_thousand_pictures_are_one_page(tile: Tile, tmp_path: Path) -> None:
    values = tile.values or {}
    tiles = [replace(tile, name=f"{at:04}.jpg", values={**values, "yaw": float(-at)}) for at in range(2000)]
    write_page(tmp_path / "report.html", "many", tiles)
    assert (tmp_path / "report.html").stat().st_size < 60e6
    shown = files(browse(tmp_path / "report.html", "sort=yaw&by=yaw&least=-1500"))
    assert shown == [f"{at:04}.jpg" for at in range(1500, -1, -1)]
