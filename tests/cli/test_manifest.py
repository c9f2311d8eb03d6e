"""Folders as phones and cameras fill them: all that is seen is told, also what cannot be read here."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from common import ROOT
from PIL import Image

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """A face as HEIC and as AVIF, nobody as JPEG, two raw files, a Photoshop document, and notes."""
    folder = tmp_path_factory.mktemp("phone")
    face = Image.fromarray(astronaut[20:276, 96:352])
    pillow_heif.from_pillow(face).save(folder / "one.HEIC", quality=90)
    face.save(folder / "two.avif", quality=90)
    shutil.copy(ROOT / "sample_images" / "no_face.jpg", folder / "nobody.jpg")
    (folder / "more").mkdir()
    for name in ("IMG_1.CR2", "more/IMG_2.dng", "layers.psd", "notes.txt"):
        (folder / name).write_bytes(b"II*\0")
    return folder


def test_a_folder_of_phone_pictures(facelm: Run, phone: Path, tmp_path: Path) -> None:
    done = facelm("parse", phone, "-o", tmp_path, "--manifest", tmp_path / "run.jsonl")
    assert done.returncode == 0
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["nobody.mask.png", "one.mask.png", "two.mask.png"]
    told = "left out, for their kinds are not read: 2 camera's raw files, 1 documents of editors; the first is"
    assert done.stderr.count(told) == 1
    assert f"{phone}/IMG_1.CR2" in done.stderr
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert {line["image"]: line["left_out"] for line in lines if "left_out" in line} == {
        f"{phone}/IMG_1.CR2": "camera's raw files",
        f"{phone}/more/IMG_2.dng": "camera's raw files",
        f"{phone}/layers.psd": "documents of editors",
    }
    faces = {Path(line["image"]).name: line["faces"] for line in lines if "faces" in line}
    assert faces == {"one.HEIC": 1, "two.avif": 1, "nobody.jpg": 0}


def test_what_alone_is_there_or_asked_for_is_named_too(facelm: Run, phone: Path, tmp_path: Path) -> None:
    nothing = facelm("parse", phone / "more", "-o", tmp_path)
    assert nothing.returncode == 3
    assert "1 camera's raw files" in nothing.stderr and "nothing to do" in nothing.stderr
    named = facelm("landmarks", phone / "layers.psd")
    assert named.returncode == 1
    assert json.loads(named.stdout)["error"].startswith(f"{phone}/layers.psd: ")
    only = facelm("landmarks", str(phone / "*.jpg"))
    assert only.returncode == 0 and only.stderr == ""


def test_the_limit_of_pixels_can_be_moved(facelm: Run, phone: Path) -> None:
    low = facelm("landmarks", phone / "two.avif", "--max-pixels", 1000)
    assert low.returncode == 1
    assert json.loads(low.stdout)["error"].endswith("too many pixels (65,536; the limit is 1,000)")
    assert facelm("landmarks", phone / "two.avif", "--max-pixels", 65536).returncode == 0
