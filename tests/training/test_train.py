from __future__ import annotations

import json
import math
import multiprocessing
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from common import draw_face, write_pair
from PIL import Image
from trained import assert_same_run, history

from facelm import classes
from facelm.classes import NAMES
from facelm.engines import model
from facelm.engines.weights import ModelError
from facelm.pictures import files, images
from facelm.training.config import TrainConfig, TrainError
from facelm.training.data import DataError
from facelm.training.events import Checking, Epoch, Event, Step
from facelm.training.train import Run

CALLS_AN_EPOCH = 4  # should_stop is asked after each of three steps, and before the one validation picture
OUTPUTS = {"best.safetensors", "last.ckpt", "history.csv", "curves.png", "config.json"}


def stop_at(call: int) -> Callable[[], bool]:
    """A ``should_stop`` that says yes when it is asked for the nth time."""
    calls = 0

    def should_stop() -> bool:
        nonlocal calls
        calls += 1
        return calls == call

    return should_stop


def test_the_outputs_of_a_run(straight: Path, config: TrainConfig) -> None:
    assert {path.name for path in straight.iterdir()} == OUTPUTS
    rows = history(straight)
    assert list(rows[0]) == [
        *("epoch", "train_loss", "val_loss", "pixel_accuracy", "mean_iou", "mean_f1"),
        *(f"f1_{name}" for name in NAMES),
    ]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    with Image.open(straight / "curves.png") as curves:
        curves.load()
        assert curves.size == (1000, 400)
    assert TrainConfig.load(straight) == replace(config, out=str(straight))


def test_the_best_model_can_be_used(straight: Path, faces: Path) -> None:
    network, info = model.load_model(str(straight / "best.safetensors"), torch.device("cpu"))
    assert (info.encoder, info.size, info.data) == ("mobilenet_v2", 64, (f"{faces.parent.name}/{faces.name}",))
    best = max(history(straight), key=lambda row: row["mean_f1"])
    assert info.scores == {k: round(best[k], 4) for k in ("pixel_accuracy", "mean_iou", "mean_f1")}
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 19, 64, 64)


def test_the_loss_goes_down(straight: Path) -> None:
    rows = history(straight)
    losses = [row["train_loss"] for row in rows]
    assert losses[-1] < losses[1] < losses[0]
    assert losses[-1] < 0.8 * losses[0]
    assert rows[-1]["val_loss"] < rows[0]["val_loss"]


def test_the_events_of_a_run(straight: Path, events: list[Event]) -> None:
    checks = [event for event in events if isinstance(event, Checking)]
    steps = [event for event in events if isinstance(event, Step)]
    epochs = [event for event in events if isinstance(event, Epoch)]
    assert (checks[-1].checked, checks[-1].examples) == (10, 10)
    assert [(step.epoch, step.step) for step in steps] == [(e, s) for e in (1, 2, 3, 4) for s in (1, 2, 3)]
    assert {(step.epochs, step.steps) for step in steps} == {(4, 3)}
    assert steps[-1].seconds_left == 0
    assert steps[0].seconds_left > 0
    assert steps[0].images_per_second > 0
    for epoch, row in zip(epochs, history(straight), strict=True):
        assert (epoch.epoch, epoch.train_loss, epoch.val_loss) == (
            row["epoch"],
            row["train_loss"],
            row["val_loss"],
        )
        assert epoch.scores.mean_f1 == row["mean_f1"]
        assert steps[3 * epoch.epoch - 1].loss == row["train_loss"]
    f1 = [epoch.scores.mean_f1 for epoch in epochs]
    assert [epoch.best for epoch in epochs] == [all(f1[i] > g for g in f1[:i]) for i in range(4)]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(CALLS_AN_EPOCH + 2, id="in the middle of an epoch"),
        pytest.param(CALLS_AN_EPOCH + 3, id="after the last step of an epoch"),
        pytest.param(CALLS_AN_EPOCH + 4, id="in the validation"),
        pytest.param(4 * CALLS_AN_EPOCH - 1, id="after the very last step"),
    ],
)
def test_a_run_that_was_stopped_and_resumed_is_the_same_run(
    straight: Path, config: TrainConfig, tmp_path: Path, call: int
) -> None:
    config = replace(config, out=str(tmp_path / "run"))
    assert not Run(config, should_stop=stop_at(call)).train()
    assert len(history(tmp_path / "run")) == (call - 1) // CALLS_AN_EPOCH
    torch.manual_seed(1234)  # resuming is to depend on the checkpoint alone
    assert Run(TrainConfig.load(tmp_path / "run"), resume=True).train()
    assert_same_run(straight, tmp_path / "run")


def test_the_number_of_workers_and_the_stop_do_not_show_in_an_encoder_with_dropout(
    config: TrainConfig, tmp_path: Path
) -> None:
    config = replace(config, encoder="efficientnet-b0", epochs=2)
    assert Run(replace(config, out=str(tmp_path / "a"))).train()
    stopped = replace(config, out=str(tmp_path / "b"), workers=1)
    assert not Run(stopped, should_stop=stop_at(2)).train()
    assert Run(stopped, resume=True).train()
    assert_same_run(tmp_path / "a", tmp_path / "b")


def test_the_seed_decides(straight: Path, config: TrainConfig, tmp_path: Path) -> None:
    assert Run(replace(config, out=str(tmp_path / "same"))).train()
    assert_same_run(straight, tmp_path / "same")
    assert not Run(
        replace(config, out=str(tmp_path / "other"), seed=1), should_stop=stop_at(CALLS_AN_EPOCH + 1)
    ).train()
    assert history(tmp_path / "other")[0]["train_loss"] != history(straight)[0]["train_loss"]


def test_resuming_a_finished_run_changes_nothing(straight: Path, tmp_path: Path) -> None:
    # The folder is moved, too: a run lives where it is, not where it was.
    shutil.copytree(straight, tmp_path / "moved")
    run = Run(TrainConfig.load(tmp_path / "moved"), resume=True)
    assert run.folder == tmp_path / "moved"
    assert run.train()
    assert_same_run(straight, tmp_path / "moved")


def test_time_that_is_up_leaves_a_checkpoint(config: TrainConfig, tmp_path: Path) -> None:
    config = replace(config, out=str(tmp_path))
    assert not Run(config).train(max_minutes=0)
    assert (tmp_path / "last.ckpt").is_file() and not (tmp_path / "history.csv").exists()


def test_start_weights_and_a_validation_folder(
    straight: Path, config: TrainConfig, tmp_path: Path, draw_data: Callable[..., Path]
) -> None:
    epochs: list[Event] = []
    run = Run(
        replace(
            config,
            out=str(tmp_path / "run"),
            epochs=1,
            val=(str(draw_data(2)),),
            init=str(straight / "best.safetensors"),
        ),
        on_event=epochs.append,
    )
    assert len(run.training_set.examples) == 10
    assert run.train()
    assert isinstance(epochs[-1], Epoch)
    assert epochs[-1].train_loss < history(straight)[0]["train_loss"]


def test_validation_without_a_face_still_leaves_a_model(config: TrainConfig, tmp_path: Path) -> None:
    rgb, _ = draw_face(64, 0)
    write_pair(tmp_path / "val", "0", rgb, np.zeros((64, 64), np.uint8))
    (tmp_path / "val" / "classes.json").write_text(json.dumps({"0": classes.NAMES}))
    run = Run(replace(config, out=str(tmp_path / "run"), epochs=1, val=(str(tmp_path / "val"),)))
    assert run.train()
    row = history(tmp_path / "run")[0]
    assert math.isnan(row["val_loss"])
    assert math.isnan(row["mean_f1"])
    model.load_model(str(tmp_path / "run/best.safetensors"), torch.device("cpu"))


def test_a_loss_that_is_no_number_ends_the_run(config: TrainConfig, tmp_path: Path) -> None:
    run = Run(replace(config, out=str(tmp_path), lr=1e30))
    with pytest.raises(TrainError, match=r"the loss is (nan|inf) in epoch 1: try a smaller --lr"):
        run.train()


def test_a_long_epoch_is_kept_before_its_end(
    straight: Path, config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facelm.training.train._SECONDS_BETWEEN", -1)
    folder, kept = tmp_path / "run", tmp_path / "kept"

    def keep(event: Event) -> None:
        if isinstance(event, Step) and (event.epoch, event.step) == (2, 3):  # as if the machine went down then
            shutil.copytree(folder, kept)

    Run(replace(config, out=str(folder)), on_event=keep).train()
    (kept / "config.json").write_text(json.dumps(json.loads((kept / "config.json").read_text()) | {"out": str(kept)}))
    assert Run(TrainConfig.load(kept), resume=True).train()
    assert_same_run(straight, kept)


def test_a_worker_that_is_killed_is_told_in_one_line(config: TrainConfig, tmp_path: Path) -> None:
    def kill(event: Event) -> None:
        if isinstance(event, Step):
            multiprocessing.active_children()[0].kill()
            time.sleep(10)

    run = Run(replace(config, out=str(tmp_path / "run"), workers=1, epochs=1000), on_event=kill)
    with pytest.raises(TrainError, match=r"a process that reads pictures was killed, .*--workers"):
        run.train()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_goes_missing_ends_the_run(
    config: TrainConfig, tmp_path: Path, draw_data: Callable[..., Path], workers: int
) -> None:
    folder = draw_data(4)
    run = Run(replace(config, out=str(tmp_path / "run"), data=(str(folder),), workers=workers))
    shutil.rmtree(folder / "images")
    with pytest.raises(files.ImageError) as caught:
        run.train()
    assert re.fullmatch(rf"{folder}/images/\d\d\.png: no such file", str(caught.value))


def test_coarse_labels_alone_can_be_trained_on(
    config: TrainConfig, tmp_path: Path, draw_data: Callable[..., Path]
) -> None:
    folder = draw_data(8)
    for path in (folder / "masks").iterdir():
        mask = images.read_mask(path)
        images.write_mask(path, (mask != 0).astype(np.uint8), classes.palette())
    (folder / "classes.json").write_text(json.dumps({"0": ["background"], "1": classes.NAMES[1:]}))
    run = Run(replace(config, out=str(tmp_path / "run"), data=(str(folder),), epochs=1))
    assert run.train()
    assert (tmp_path / "run/best.safetensors").is_file()


def test_a_folder_that_holds_a_run_is_not_overwritten(straight: Path, config: TrainConfig) -> None:
    before = (straight / "history.csv").read_bytes()
    with pytest.raises(TrainError, match=f"holds a run already; give --resume {straight}"):
        Run(replace(config, out=str(straight)))
    assert (straight / "history.csv").read_bytes() == before


def test_a_folder_without_a_checkpoint_cannot_be_resumed(config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"last\.ckpt: not a checkpoint of this run"):
        Run(replace(config, out=str(tmp_path)), resume=True)


@pytest.mark.parametrize("fault", ["empty", "truncated", "pickle", "foreign", "other encoder"])
def test_a_damaged_checkpoint_is_named(straight: Path, tmp_path: Path, fault: str) -> None:
    shutil.copytree(straight, tmp_path / "run")
    path = tmp_path / "run/last.ckpt"
    if fault == "other encoder":
        values = json.loads((tmp_path / "run/config.json").read_text())
        (tmp_path / "run/config.json").write_text(json.dumps(values | {"encoder": "resnet18"}))
    elif fault == "foreign":
        shutil.copy(straight / "best.safetensors", path)
    elif fault == "pickle":
        torch.save({"epoch": 1}, path)
    else:
        content = path.read_bytes()
        path.write_bytes(content[: {"empty": 0, "truncated": len(content) // 2}[fault]])
    with pytest.raises(TrainError) as caught:
        Run(TrainConfig.load(tmp_path / "run"), resume=True)
    assert str(caught.value).startswith(f"{path}: not a checkpoint of this run (")
    assert len(str(caught.value).splitlines()) == 1


def test_data_that_cannot_be_used(config: TrainConfig, tmp_path: Path, draw_data: Callable[..., Path]) -> None:
    config = replace(config, out=str(tmp_path / "run"))
    with pytest.raises(DataError, match="nowhere: not a data folder"):
        Run(replace(config, data=(str(tmp_path / "nowhere"),)))
    with pytest.raises(DataError, match="2 training examples do not fill a batch of 3"):
        Run(replace(config, data=(str(draw_data(3)),)))
    assert not (tmp_path / "run").exists()


def test_an_encoder_device_or_start_weights_that_cannot_be_used(config: TrainConfig, tmp_path: Path) -> None:
    config = replace(config, out=str(tmp_path / "run"))
    for changes in ({"encoder": "resnet5000"}, {"device": "gpu"}, {"init": str(tmp_path / "none.pth")}):
        with pytest.raises(ModelError, match=next(iter(changes.values()))):
            Run(replace(config, **changes))
