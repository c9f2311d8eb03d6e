from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from common import ROOT
from PIL import Image

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_crops_of_a_face_come_in_the_size_that_was_asked_for(facelm: Run, tmp_path: Path) -> None:
    sample = ROOT / "sample_images" / "person.jpg"
    done = facelm("parse", sample, "-o", tmp_path, "--crops", tmp_path / "crops", "--crop-size", 64)
    assert done.returncode == 0
    with Image.open(tmp_path / "crops" / "person.1.crop.png") as crop:
        assert crop.size == (64, 64)
