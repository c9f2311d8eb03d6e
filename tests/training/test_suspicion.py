from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from common import draw_face, write_pair

from facelm import classes
from facelm.training import data
from facelm.training.data import DataError
from facelm.training.orders import KNOWN
from facelm.training.suspicion import check_order

TO_ZLL = np.array([KNOWN["zllrunning"].index(name) for name in classes.NAMES], np.uint8)


@pytest.fixture
def reordered(tmp_path: Path) -> Path:
    """Four drawn faces whose masks have the other order."""
    for seed in range(4):
        rgb, mask = draw_face(64, seed)
        write_pair(tmp_path / "zll", str(seed), rgb, TO_ZLL[mask])
    return tmp_path / "zll"


def test_the_other_order_is_noticed_before_the_first_epoch_and_mended(
    facelm: Callable[..., Any], reordered: Path, tmp_path: Path
) -> None:
    run = ("train", "--data", reordered, "--batch", 2, "--size", 32, "--epochs", 1, "--workers", 0)
    done = facelm(*run, "--encoder", "mobilenet_v2", "--out", tmp_path / "run")
    assert done.returncode == 1 and not (tmp_path / "run").exists()
    assert (
        "look as if their classes were in the order of zllrunning (nose 10), not of celebamask (nose 2)" in done.stderr
    )
    assert "Give --classes zllrunning" in done.stderr
    (mending,) = re.findall(r"never doubted: (\{.*\})", done.stderr)
    (reordered / "classes.json").write_text(mending)
    check_order(data.find(reordered))
    _, mask = data.find(reordered)[0].read()
    np.testing.assert_array_equal(mask, draw_face(64, 0)[1])


def test_the_right_order_is_not_doubted_and_a_wrong_option_is(faces: Path, reordered: Path) -> None:
    check_order(data.find(faces))
    check_order(data.find(reordered, "zllrunning"))
    with pytest.raises(DataError, match="order of celebamask"):
        check_order(data.find(faces, "zllrunning"))


def test_what_says_little_is_not_doubted(tmp_path: Path) -> None:
    for seed in range(3):
        rgb, mask = draw_face(64, seed)
        write_pair(
            tmp_path / "few", str(seed), rgb, np.where(mask == 13, 13, np.where(mask == 1, 1, 0)).astype(np.uint8)
        )
        write_pair(tmp_path / "coarse", str(seed), rgb, (mask > 0).astype(np.uint8))
    (tmp_path / "coarse" / "classes.json").write_text(json.dumps({"0": ["background"], "1": classes.NAMES[1:]}))
    for name in ("few", "coarse"):
        check_order(data.find(tmp_path / name))
