from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from PIL import Image

from facelm.pictures.files import ImageError
from facelm.training.config import TrainConfig
from facelm.training.curves import draw_curves, is_stale, write_history
from facelm.training.train import Run

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


def test_a_run_ends_when_its_patience_is_out(config: TrainConfig, tmp_path: Path) -> None:
    scores = [0.2, 0.5, float("nan"), 0.5, 0.4]
    rows = [{"epoch": at, "mean_f1": score} for at, score in enumerate(scores, 1)]
    assert [is_stale(rows[:count], 3) for count in range(6)] == [False] * 5 + [True]
    assert not is_stale(rows, None) and not is_stale(rows, 4)
    run = Run(replace(config, out=str(tmp_path / "run"), lr=1e-12, epochs=9, patience=2))
    assert run.train()
    assert len(run.history) == 3
    assert (tmp_path / "run" / "best.safetensors").is_file()


def test_losses_and_scores_are_written_for_tensorboard(config: TrainConfig, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    before = set(threading.enumerate())
    Run(replace(config, out=str(tmp_path / "run"), epochs=2, tensorboard=True)).train()
    assert not [each for each in set(threading.enumerate()) - before if type(each).__module__.startswith("tensorboard")]
    board = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    board.Reload()
    table = pandas.read_csv(tmp_path / "run" / "history.csv")
    for name, column in (("loss/train_loss", "train_loss"), ("validation/mean_f1", "mean_f1"), ("f1/hair", "f1_hair")):
        scalars = board.Scalars(name)
        assert [each.step for each in scalars] == [1, 2]
        assert [each.value for each in scalars] == pytest.approx(table[column].tolist(), rel=1e-5)
