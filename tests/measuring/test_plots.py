from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facelm.measuring.metrics import Bin
from facelm.measuring.plots import draw_confusion, draw_reliability
from facelm.pictures.files import ImageError


def test_a_matrix_with_an_empty_row_is_drawn(tmp_path: Path) -> None:
    draw_confusion(np.diag([900, 50, 0]), ("background", "skin", "hat"), tmp_path / "new" / "confusion.png")
    with Image.open(tmp_path / "new" / "confusion.png") as picture:
        picture.load()
        assert picture.width == picture.height


@pytest.mark.parametrize("bins", [(), (Bin(68, 0.15, 0.2), Bin(136, 0.95, 0.5))])
def test_reliability_is_drawn_with_and_without_points(tmp_path: Path, bins: tuple[Bin, ...]) -> None:
    draw_reliability(bins, tmp_path / "reliability.png")
    with Image.open(tmp_path / "reliability.png") as picture:
        picture.load()
        assert picture.size == (500, 500)


def test_a_plot_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="cannot be written"):
        draw_reliability((), tmp_path / "file" / "x.png")
