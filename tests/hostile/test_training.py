"""Runs of training that mean ill: what their folder says, their checkpoint, their start weights and their data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from common import draw_face, write_pair
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from facelm.measuring.truth import find_truths, read_column
from facelm.pictures.boxes import read_boxes
from facelm.pictures.files import ImageError
from facelm.training import data, train
from facelm.training.config import TrainConfig, TrainError
from facelm.training.data import DataError

NAN, HUGE = float("nan"), 10**400
CONFIG: dict[str, list[Any]] = {
    "data": [[], 3, "data", [3], [[]], None, ["nul\0"]],
    "val": [3, [None], "val"],
    "teacher": [3, [3], "lite"],
    "classes": [3, []],
    "encoder": [3, [], "", "tu-hf-hub:a/b", "local-dir:/tmp"],
    "init": [3, [], ""],
    "pretrained": [3, "no", None],
    "epochs": [0, -1, 1.5, "x", NAN, True, 10**55, HUGE],
    "size": [0, 33, 32.0, 3e10, 2080, "x", None, HUGE],
    "batch": [0, 2.0, "x", NAN, HUGE],
    "lr": [0, -1, NAN, float("inf"), "x", HUGE, 1e300],
    "seed": [-5, 1.5, "x", 2**63, 2**64, 2**70, HUGE],
    "workers": [-1, 1.5, "x", 10**6],
    "patience": [0, 1.5, "x", NAN, HUGE],
    "tensorboard": [1, "yes", None],
    "device": [None, 3, ""],
    "colour": ["red"],
    "__class__": [1],
}


@pytest.mark.parametrize("name", CONFIG)
def test_the_configuration_of_a_run_keeps_to_the_rules_of_the_options(name: str, tmp_path: Path) -> None:
    good = asdict(TrainConfig(("data",), "run"))
    for value in CONFIG[name]:
        if value is not HUGE:
            (tmp_path / "config.json").write_text(json.dumps(good | {name: value}))
            with pytest.raises(TrainError, match="holds no run that can be resumed") as caught:
                TrainConfig.load(tmp_path)
            assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 400
        if name in good and not isinstance(value, list):
            with pytest.raises(TrainError, match=f"^--{name} "):
                TrainConfig(**good | {name: value})


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, '{"data": ["a"], "lr": 1e400, "out": "x"}'])
def test_a_configuration_is_json_of_finite_numbers(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(TrainError, match="holds no run that can be resumed"):
        TrainConfig.load(tmp_path)


Tensors = dict[str, torch.Tensor]


def spoil(name: str, value: float) -> Callable[[Tensors], Tensors]:
    def change(tensors: Tensors) -> Tensors:
        tensor = tensors[name].clone()
        tensor.view(-1)[0] = value
        return tensors | {name: tensor}

    return change


def without(name: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {key: tensor for key, tensor in tensors.items() if key != name}


FIRST = "module.encoder.features.0.0.weight"
CHECKPOINTS: dict[str, Callable[[Tensors], Tensors]] = {
    "a moment is missing": without("optimizer.0.exp_avg"),
    "an unknown moment": lambda tensors: tensors | {"optimizer.0.speed": torch.zeros(1)},
    "a negative number": lambda tensors: tensors | {"optimizer.-1.step": torch.zeros(())},
    "a number of no weight": lambda tensors: tensors | {"optimizer.99999.step": torch.zeros(())},
    "no number": lambda tensors: tensors | {"optimizer.first.step": torch.zeros(())},
    "no name": lambda tensors: tensors | {"optimizer.": torch.zeros(())},
    "a moment of another shape": lambda tensors: tensors | {"optimizer.0.exp_avg": torch.zeros(3)},
    "steps of another shape": lambda tensors: tensors | {"optimizer.0.step": torch.zeros(3)},
    "an infinite average": spoil(f"average.{FIRST}", float("inf")),
    "a weight that is no number": spoil(FIRST.replace("module", "network"), NAN),
    "a moment that is no number": spoil("optimizer.0.exp_avg_sq", NAN),
    "no random numbers": without("random"),
    "random numbers of another kind": lambda tensors: tensors | {"random": torch.zeros(3)},
}
STATES: dict[str, Any] = {
    "epoch": -1,
    "step": 1.5,
    "loss_sum": "x",
    "best_f1": 7,
    "history": [3],
    "schedule": None,
    "scaler": [],
    "data": "of something else",
    "colour": "red",
}


@pytest.fixture(scope="module")
def stopped(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that stopped after a step, read only."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    assert not train.Run(replace(config, out=str(folder)), should_stop=lambda: True).train()
    return folder


def test_a_checkpoint_is_of_its_run_and_finite(stopped: Path, config: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    tensors = load_file(run / "last.ckpt")
    with safe_open(run / "last.ckpt", "pt") as file:
        state = json.loads(file.metadata()["state"])
    texts = {name: json.dumps(state | {name: value}) for name, value in STATES.items()}
    texts |= {"nested too deep": "[" * 100_000, "no object": "[]"}
    spoilt = {kind: (change(tensors), json.dumps(state)) for kind, change in CHECKPOINTS.items()}
    spoilt |= {kind: (tensors, text) for kind, text in texts.items()}
    for kind, (changed, text) in spoilt.items():
        save_file(changed, run / "last.ckpt", {"state": text})
        with pytest.raises(TrainError, match=r"last\.ckpt: ") as caught:
            train.Run(replace(config, out=str(run)), resume=True)
        assert len(str(caught.value).splitlines()) == 1, kind
    save_file(tensors, run / "last.ckpt", {"state": json.dumps(state)})
    train.Run(replace(config, out=str(run)), resume=True)


def test_a_run_does_not_go_on_with_other_data(stopped: Path, config: TrainConfig, faces: Path, tmp_path: Path) -> None:
    shutil.copytree(stopped, tmp_path / "run")
    shutil.copytree(faces, tmp_path / "faces")
    same = replace(config, data=(str(tmp_path / "faces"),), out=str(tmp_path / "run"))
    train.Run(same, resume=True)
    write_pair(tmp_path / "faces", "00", *draw_face(80, 99))
    with pytest.raises(TrainError, match="the data of this run have changed"):
        train.Run(same, resume=True)


DEEP = "[" * 100_000
ANSWERS = {
    "landmarks68.json": [DEEP, "[]", '{"a.jpg": 3}', '{"a.jpg": [[NaN, 1]]}', f'{{"a.jpg": [[{"9" * 400}, 1]]}}'],
    "faces.json": [
        DEEP,
        "[]",
        '{"a.jpg": {"boxes_xyxy": [[NaN, 0, 1, 1]]}}',
        '{"a.jpg": {"boxes_xyxy": [["1e400", 0, 1, 1]]}}',
        '{"a.jpg": {"boxes_xyxy": [[1, 2, 3]]}}',
        f'{{"a.jpg": {{"boxes_xyxy": [[{"9" * 400}, 0, 1, 1]]}}}}',
    ],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_known_answers_are_finite(name: str, tmp_path: Path) -> None:
    for text in ANSWERS[name]:
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match=name) as caught:
            find_truths(tmp_path)
        assert len(str(caught.value).splitlines()) == 1


def test_short_rows_of_a_table_are_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("age,image\n3,a.jpg\n4\n\n5,b.jpg\n")
    assert read_column(tmp_path, "age", ["a.jpg", "b.jpg"]) == {"a.jpg": "3", "b.jpg": "5"}
    boxes = tmp_path / "boxes.csv"
    for text in ("image,x0,y0,x1,y1\na.jpg,1\n", "x0,y0,x1,y1,image\n1,2,3,4\n"):
        boxes.write_text(text)
        with pytest.raises(ImageError, match="row 2 is too short"):
            read_boxes([str(boxes)])


@pytest.mark.parametrize("text", [DEEP, "3", "[]", json.dumps({str(n): ["skin"] for n in range(224)}), '{"0": [3]}'])
def test_classes_are_few_and_named(text: str, draw_data: Callable[..., Path]) -> None:
    folder = draw_data()
    (folder / "classes.json").write_text(text)
    with pytest.raises(DataError, match=r"classes\.json: cannot be used"):
        data.find(folder)
