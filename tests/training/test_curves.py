from __future__ import annotations

from pathlib import Path

import pandas
import pytest
from PIL import Image

from facelm.pictures.files import ImageError
from facelm.training.curves import draw_curves, write_history

NAMES = ("epoch", "train_loss", "val_loss", "pixel_accuracy", "mean_iou", "mean_f1")


def history(epochs: int) -> list[dict[str, float]]:
    return [dict.fromkeys(NAMES, 1 / 3) | {"epoch": epoch} for epoch in range(1, epochs + 1)]


def test_the_table_is_read_back(tmp_path: Path) -> None:
    rows = history(3)
    rows[1]["val_loss"] = float("nan")
    write_history(rows, tmp_path / "history.csv")
    table = pandas.read_csv(tmp_path / "history.csv")
    assert list(table.columns) == list(NAMES)
    assert table["train_loss"].tolist() == pytest.approx([1 / 3] * 3, rel=1e-14)
    assert table["epoch"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("epochs", [1, 2, 40])
def test_the_curves_are_a_picture(tmp_path: Path, epochs: int) -> None:
    draw_curves(history(epochs), tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as curves:
        curves.load()
        assert curves.size == (1000, 400)


@pytest.mark.parametrize("write", [draw_curves, write_history])
def test_a_file_that_cannot_be_written(tmp_path: Path, write) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="cannot be written"):
        write(history(1), tmp_path / "file" / "x.png")
