from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from common import draw_face, write_pair
from PIL import Image

from facelm import classes
from facelm.training.config import TrainConfig
from facelm.training.data import DataError, Example, check, find
from facelm.training.labels import find_missing, find_shown
from facelm.training.samples import find_samples


@pytest.mark.parametrize("values", [(0, 255), (255,), (0,)])
def test_masks_that_say_nothing_are_an_error_before_the_first_epoch(
    facelm: Callable[..., Any], tmp_path: Path, values: tuple[int, ...]
) -> None:
    for seed in range(4):
        rgb, mask = draw_face(64, seed)
        write_pair(tmp_path / "data", str(seed), rgb, np.where(mask > 0, values[-1], values[0]).astype(np.uint8))
    done = facelm("train", "--data", tmp_path / "data", "--batch", 2, "--size", 64, "--out", tmp_path / "run")
    assert done.returncode == 1
    assert "no class but background is labelled" in done.stderr
    assert not (tmp_path / "run").exists()


def test_no_folder_hides_behind_another(tmp_path: Path, faces: Path) -> None:
    for seed in range(4):
        rgb, mask = draw_face(64, seed)
        write_pair(tmp_path / "binary", str(seed), rgb, np.where(mask > 0, 255, 0).astype(np.uint8))
        write_pair(tmp_path / "nobody", str(seed), rgb, np.zeros_like(mask))
    fine, binary, nobody = (find(folder) for folder in (faces, tmp_path / "binary", tmp_path / "nobody"))
    with pytest.raises(DataError, match="binary: its masks hold 0, 255 and nothing else"):
        find_missing(fine + binary, find_shown(fine + binary))
    assert find_missing(fine + nobody, find_shown(fine + nobody)) == []


def test_masks_to_validate_on_are_counted_as_well(faces: Path, tmp_path: Path) -> None:
    for seed in range(4):
        rgb, mask = draw_face(64, seed)
        mask[mask == classes.INDEX["hat"]] = classes.INDEX["hair"]
        write_pair(tmp_path / "val", str(seed), rgb, mask)
        write_pair(tmp_path / "binary", str(seed), rgb, np.where(mask > 0, 255, 0).astype(np.uint8))
    told: list[object] = []
    config = TrainConfig((str(faces),), "", val=(str(tmp_path / "val"),), size=64, batch=2)
    find_samples(config, on_missing=lambda *missing: told.append(missing))
    assert told == [("validation", ["hat"])]
    with pytest.raises(DataError, match="binary: its masks hold"):
        find_samples(replace(config, val=(str(tmp_path / "binary"),)))


def test_classes_that_are_nowhere_are_named(faces: Path) -> None:
    examples = find(faces)
    assert find_missing(examples, find_shown(examples)) == []
    skin = [{0, 1, 255} for _ in examples]
    assert find_missing(examples, skin) == list(classes.NAMES[2:])
    merged = [Example(Path("a"), Path("b"), merged=((0, 18), (13, 14)))]
    assert find_missing(merged, [{0, 1}]) == [
        name for name in classes.NAMES[1:] if name not in ("hair", "hat", "cloth")
    ]


def test_a_jpeg_under_the_name_of_a_png_is_no_mask(tmp_path: Path) -> None:
    rgb, mask = draw_face(64, 0)
    write_pair(tmp_path, "a", rgb, mask)
    Image.fromarray(mask).save(tmp_path / "masks/a.png", format="JPEG", quality=95)
    with pytest.raises(DataError, match=r"a\.png: is a JPEG, whatever its name says"):
        check(find(tmp_path))
