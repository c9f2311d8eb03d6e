from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from common import ROOT
from PIL import Image

from facelm.cli import app, options
from facelm.parsing.parser import FaceParser
from facelm.pictures.choice import reading_order
from facelm.results import formats

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_options_of_the_parser_reach_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {}

    class Watched(FaceParser):
        def __init__(self, *values: object) -> None:
            super().__init__(*values)  # type: ignore[arg-type]
            given.update(batch=self.batch, flip=self.flip, min_face=self.min_face, size=self.info.size)

    monkeypatch.setattr("facelm.parsing.parser.FaceParser", Watched)
    given_options = ["--device", "cpu", "--batch", "3", "--flip", "--min-face", "40", "--quiet"]
    with pytest.raises(SystemExit) as ended:
        app.app(["parse", str(ROOT / "sample_images/person.jpg"), "-o", str(tmp_path), *given_options])
    assert ended.value.code == 0
    assert given == {"batch": 3, "flip": True, "min_face": 40, "size": 384}


def test_formats_of_the_command_line_are_those_of_the_writers() -> None:
    assert sorted(kind.value for kind in options.Format) == sorted((*formats.FORMATS, *formats.FOLDER_FORMATS))


def test_faces_have_the_same_numbers_and_bits_however_they_are_run(facelm: Run, tmp_path: Path) -> None:
    group = ROOT / "sample_images" / "group.jpg"
    (tmp_path / "in").mkdir()
    for name in ("group.jpg", "no_face.jpg", "person.jpg"):
        shutil.copy(ROOT / "sample_images" / name, tmp_path / "in" / name)
    runs = {"alone": (group, "--batch", 1), "folder": (tmp_path / "in", "--batch", 8), "again": (tmp_path / "in",)}
    for name, given in runs.items():
        assert facelm("parse", *given, "--probabilities", "--instances", "-o", tmp_path / name).returncode == 0
        facelm("landmarks", *given, "-o", tmp_path / f"{name}.jsonl")
    for suffix in ("npz", "instances.png", "mask.png"):
        assert len({(tmp_path / name / f"group.{suffix}").read_bytes() for name in runs}) == 1, suffix
    faces = [find_faces(tmp_path / f"{name}.jsonl", "group") for name in runs]
    assert faces[0] == faces[1] == faces[2]
    boxes = [face["box"] for face in faces[0]]
    assert len(boxes) == 5 and reading_order(boxes) == [0, 1, 2, 3, 4]


def test_only_the_faces_that_are_wanted_are_told(facelm: Run, tmp_path: Path) -> None:
    group = ROOT / "sample_images" / "group.jpg"
    told = {}
    for which in ("all", "largest", "central", "2"):
        facelm("landmarks", group, "--faces", which, "-o", tmp_path / f"{which}.jsonl")
        told[which] = [face["box"] for face in find_faces(tmp_path / f"{which}.jsonl", "group")]
    largest = sorted(told["all"], key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))
    assert told["largest"] == largest[:1]
    assert told["2"] == [box for box in told["all"] if box in largest[:2]]
    with Image.open(group) as picture:
        width, height = picture.size
    away = [np.hypot(box[0] + box[2] - width, box[1] + box[3] - height) for box in told["all"]]
    assert told["central"] == [told["all"][int(np.argmin(away))]]
    refused = facelm("landmarks", group, "--faces", "nearest")
    assert refused.returncode == 2 and "--faces: wanted is all, largest, central" in refused.stderr


def find_faces(path: Path, stem: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return next(line["faces"] for line in lines if Path(line["image"]).stem == stem)
