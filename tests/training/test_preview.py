from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facelm import classes


def test_a_sheet_of_samples_is_written_and_nothing_is_trained(
    facelm: Callable[..., Any], faces: Path, tmp_path: Path
) -> None:
    done = facelm("train", "--data", faces, "--preview", "--size", 64, "--batch", 2, "--out", tmp_path / "run")
    assert done.returncode == 0 and done.stdout.strip() == str(tmp_path / "run" / "preview.jpg")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["preview.jpg"]
    with Image.open(tmp_path / "run" / "preview.jpg") as picture:
        assert picture.size == (4 * 2 * 64, 6 * 64)
        sheet = np.array(picture).reshape(6, 64, 4, 2, 64, 3).transpose(0, 2, 3, 1, 4, 5).astype(int)
    photos, masks = sheet[:, :, 0].reshape(24, -1, 3), sheet[:, :, 1].reshape(24, -1, 3)
    assert np.abs(photos - masks).mean((1, 2)).min() > 2
    assert len({photo.tobytes() for photo in photos}) == 24
    again = ("train", "--data", faces, "--preview", "--size", 64, "--batch", 2, "--seed", 1, "--out", tmp_path / "run")
    before = (tmp_path / "run" / "preview.jpg").read_bytes()
    refused = facelm(*again)
    assert refused.returncode == 2 and "preview.jpg exists already: --overwrite writes it anew\n" in refused.stderr
    assert (tmp_path / "run" / "preview.jpg").read_bytes() == before
    assert facelm(*again, "--overwrite").returncode == 0
    assert (tmp_path / "run" / "preview.jpg").read_bytes() != before
    hair = np.abs(masks - 0.6 * classes.palette()[classes.INDEX["hair"]].astype(int) - 0.4 * photos).max(2) < 25
    assert hair.mean() > 0.02
