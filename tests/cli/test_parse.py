from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from common import ROOT
from PIL import Image

from facelm import classes

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_crops_of_a_face_come_in_the_size_that_was_asked_for(facelm: Run, tmp_path: Path) -> None:
    sample = ROOT / "sample_images" / "person.jpg"
    done = facelm("parse", sample, "-o", tmp_path, "--crops", tmp_path / "crops", "--crop-size", 64)
    assert done.returncode == 0
    with Image.open(tmp_path / "crops" / "person.1.crop.png") as crop:
        assert crop.size == (64, 64)


def test_regions_and_cut_out_heads(facelm: Run, tmp_path: Path) -> None:
    samples = [ROOT / "sample_images" / name for name in ("group.jpg", "no_face.jpg")]
    done = facelm("parse", *samples, "-o", tmp_path, "--regions", "--alpha", "head")
    assert done.returncode == 0
    mask, regions = (np.array(Image.open(tmp_path / f"group.{kind}.png")) for kind in ("mask", "regions"))
    skin = mask == classes.INDEX["skin"]
    assert (regions[skin] > classes.INDEX["cloth"]).mean() > 0.99
    assert np.array_equal(
        regions[~skin & (mask != classes.INDEX["hair"])], mask[~skin & (mask != classes.INDEX["hair"])]
    )
    with Image.open(tmp_path / "group.alpha.png") as cut, Image.open(samples[0]) as photo:
        assert cut.mode == "RGBA"
        assert np.array_equal(np.array(cut)[..., :3], np.array(photo.convert("RGB")))
        opacity = np.array(cut)[..., 3]
    head, bare = (np.isin(mask, classes.indices(*names)) for names in (classes.HEAD, classes.CORE))
    assert opacity[bare].mean() > 245 and opacity[~head].mean() < 3
    assert ((opacity > 20) & (opacity < 235)).any()
    _, parts = cv2.connectedComponents((opacity > 0).astype(np.uint8))
    assert set(np.unique(parts[bare])) | {0} == set(np.unique(parts)), "nothing hangs in the air"
    assert not np.array(Image.open(tmp_path / "no_face.alpha.png"))[..., 3].any()
    again = facelm("parse", tmp_path, "-o", tmp_path / "again")
    assert again.returncode == 3, "results are no photos"


def test_alpha_takes_classes_and_refuses_what_is_none(facelm: Run, tmp_path: Path) -> None:
    sample = ROOT / "sample_images" / "person.jpg"
    assert facelm("parse", sample, "-o", tmp_path, "--alpha", "hair,hat").returncode == 0
    mask = np.array(Image.open(tmp_path / "person.mask.png"))
    opacity = np.array(Image.open(tmp_path / "person.alpha.png"))[..., 3]
    assert opacity[mask == classes.INDEX["hair"]].mean() > 200
    assert opacity[mask == classes.INDEX["nose"]].max() == 0
    refused = facelm("parse", sample, "-o", tmp_path / "new", "--alpha", "hair,tail")
    assert refused.returncode == 2 and "--alpha: no class tail; there are head, skin" in refused.stderr
