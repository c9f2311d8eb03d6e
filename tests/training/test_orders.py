from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from common import draw_face, write_pair
from PIL import Image

from facelm import classes
from facelm.pictures import images
from facelm.training import data
from facelm.training.config import TrainConfig
from facelm.training.orders import KNOWN, is_joined, read_order, to_file
from facelm.training.samples import find_samples

ZLL = (
    "background skin l_brow r_brow l_eye r_eye eye_g l_ear r_ear ear_r nose mouth u_lip l_lip neck neck_l cloth "
    "hair hat"
)


@pytest.fixture
def reordered(tmp_path: Path) -> Path:
    """Ten drawn faces whose masks have the order of zllrunning's project."""
    table = np.array([ZLL.split().index(name) for name in classes.NAMES], np.uint8)
    for seed in range(10):
        rgb, mask = draw_face(64, seed)
        write_pair(tmp_path / "zll", f"{seed:02}", rgb, table[mask])
    return tmp_path / "zll"


def test_the_known_orders() -> None:
    order = read_order("zllrunning")
    assert [classes.NAMES[index] for (index,) in order] == ZLL.split()
    assert order[10] == (classes.INDEX["nose"],)
    assert read_order("celebamask") == ()
    assert not is_joined(order) and is_joined(((0, 1), (2,)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_gives_the_order_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "classes.json"
    path.write_bytes(to_file(KNOWN["zllrunning"]).encode(encoding))
    assert read_order(path) == read_order("zllrunning")


def test_an_order_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"zlrunning: cannot be used .* or one of celebamask, zllrunning"):
        read_order("zlrunning")
    (tmp_path / "classes.json").write_text('{"0": []}')
    with pytest.raises(ValueError, match="a value without a class"):
        read_order(tmp_path / "classes.json")


@pytest.mark.parametrize("said", ["option", "file"])
def test_masks_of_another_order_lose_nothing_in_training(reordered: Path, said: str) -> None:
    if said == "file":
        (reordered / "classes.json").write_text(to_file(KNOWN["zllrunning"]))
    order = "zllrunning" if said == "option" else None
    config = TrainConfig((str(reordered),), "", classes=order, size=64, batch=2)
    missing: list[object] = []
    samples, validation = find_samples(config, on_missing=lambda *told: missing.append(told))
    assert not missing
    assert not any(example.joined for example in samples.examples)
    _, mask = samples.examples[0].read()
    np.testing.assert_array_equal(mask, draw_face(64, int(samples.examples[0].image.stem))[1])
    _, shown = validation[0]
    np.testing.assert_array_equal(shown.numpy(), draw_face(64, int(validation.examples[0].image.stem))[1])
    example = data.find(reordered, "zllrunning")[0]
    np.testing.assert_array_equal(example.label(classes.mirror(example.read()[1])), classes.mirror(draw_face(64, 0)[1]))


def test_evaluate_reads_the_order(facelm: Callable[..., Any], astronaut: np.ndarray, tmp_path: Path) -> None:
    found = facelm("parse", write(tmp_path / "a.png", astronaut), "-o", tmp_path / "out")
    assert found.returncode == 0
    mask = images.read_mask(tmp_path / "out" / "a.mask.png")
    table = np.array([ZLL.split().index(name) for name in classes.NAMES], np.uint8)
    write_pair(tmp_path / "data", "a", astronaut, table[mask])
    done = facelm("evaluate", "--data", tmp_path / "data", "--classes", "zllrunning", "--json")
    masks = json.loads(done.stdout)["masks"]
    assert masks["pixel_accuracy"] == 1
    assert masks["f1"]["nose"] == 1
    wrong = facelm("evaluate", "--data", tmp_path / "data", "--classes", "nobody's")
    assert wrong.returncode == 2 and "one of celebamask, zllrunning" in wrong.stderr


def write(path: Path, rgb: np.ndarray) -> Path:
    Image.fromarray(rgb).save(path)
    return path
