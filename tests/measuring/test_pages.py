from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from common import write_pair
from documents import browse

from facelm import classes
from facelm.parsing.masks import paste
from facelm.parsing.parser import FaceParser

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def labelled(parser: FaceParser, astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two portraits, of which one has hair labelled as a hat, landmarks, and groups."""
    folder = tmp_path_factory.mktemp("labelled")
    rgb = np.ascontiguousarray(astronaut[:256, 100:356])
    mask = paste(parser.parse(rgb), 256, 256)
    wrong = np.where(mask == classes.INDEX["hair"], classes.INDEX["hat"], mask).astype(np.uint8)
    write_pair(folder, "a-right", rgb, mask)
    write_pair(folder, "b-wrong", rgb, wrong)
    (folder / "who.csv").write_text("image,side\na-right.png,left\nb-wrong.png,right\n")
    points = np.random.default_rng(0).uniform(60, 180, (68, 2)).tolist()
    (folder / "landmarks68.json").write_text(json.dumps({"a-right.png": points}))
    return folder


def test_the_worst_come_first_with_what_was_mistaken(facelm: Run, labelled: Path, tmp_path: Path) -> None:
    done = facelm("report", labelled, "--by", "side", "-o", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "page.html")
    document = browse(tmp_path / "page.html", "sort=F1")
    assert re.findall(r"data-file=\"(.*?)\"", document) == ["b-wrong.png", "a-right.png"]
    wrong, right = document.split("<article")[1:]
    assert "hat taken for hair: " in wrong and "taken for" not in right
    assert "group: right" in wrong and "group: left" in right
    assert "F1 1," in right and "NME % " in right
    for title in ("Scores", "F1 by class", "Error of landmarks by part, %", "Reliability"):
        assert title in document
    columns = re.search(r"F1 by class</summary>\s*<table><thead><tr>(.*?)</tr>", document, re.DOTALL)
    assert columns and re.findall(r"<th[^>]*>(.*?)</th>", columns[1]) == ["", "all", "left", "right"]
    hair = re.search(r"<td>hair</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>", document)
    assert hair and hair[2] == "1" and float(hair[3]) == 0
