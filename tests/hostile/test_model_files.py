"""Model files that mean ill: what they say of their network, and what their weights are."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import spoilt
import torch
from spoilt import refusal

from facelm.engines import model
from facelm.engines.weights import ENCODER, ModelError

INFO = asdict(spoilt.INFO)
DEEP = 10_000

NO_NUMBERS: list[object] = ["x", {}, None, True, [], [[1, 2, 3]] * 3]
LISTS: list[object] = [*NO_NUMBERS, 1, [1.0], [0.5] * 5, ["x"] * 3, [1e9] * 3, [None] * 3]

METADATA: dict[str, list[object]] = {
    "mean": LISTS,
    "std": [*LISTS, [0, 1, 1], [-1, 1, 1], [1e-300] * 3],
    "size": [*NO_NUMBERS, 0, -32, 33, 16, 64.0, 2080, 9_984, 10_000, 32_768, 10**30],
    "encoder": [*NO_NUMBERS, 5, "", "resnet5000", "x" * 1000, "resnet18\n", "../resnet18", "hub/resnet18"],
    "decoder_channels": [*LISTS, [16] * 4, [16] * 6, [0] * 5, [-16] * 5, [16.0] * 5, [8000] * 5, [10**9] * 5],
    "classes": [*NO_NUMBERS, ["background"], ["background"] * 19, [f"class{n}" for n in range(19)]],
    "data": [1, "x", [1], {"a": 1}],
    "scores": [1, [1], {"f1": "x"}, {"f1": None}, {"f1": [1]}, {"f1": 2}],
    "colour": ["red"],
    "__class__": ["x"],
}

TEXTS = {
    "empty": "",
    "no JSON": "{",
    "no object": "[]",
    "a number": "3",
    "nothing in it": "{}",
    "nested too deep": "[" * DEEP + "]" * DEEP,
    "nested too deep inside": json.dumps(INFO)[:-1] + ', "data": ' + "[" * DEEP + "]" * DEEP + "}",
    "mean of 1e400": json.dumps(INFO).replace("0.485", "1e400"),
    "mean is not a number": json.dumps(INFO).replace("0.485", "NaN"),
    "std is infinite": json.dumps(INFO).replace("0.229", "Infinity"),
    "size of 1e400": json.dumps(INFO).replace('"size": 64', '"size": 1e400'),
    "size of 400 digits": json.dumps(INFO).replace('"size": 64', f'"size": {"9" * 400}'),
    "size of 5000 digits": json.dumps(INFO).replace('"size": 64', f'"size": {"9" * 5000}'),
    "a name twice": json.dumps(INFO)[:-1] + ', "size": 64}',
}

SOURCES = ["hf-hub:timm/resnet18", "hf_hub:timm/resnet18", "local-dir:/tmp", "HF-HUB:a/b", "https://a/b", "a/b", "a\\b"]


@pytest.mark.parametrize("name", METADATA)
def test_metadata_keeps_to_its_schema(name: str, write_model: Callable[..., Path]) -> None:
    for value in METADATA[name]:
        refusal(write_model(json.dumps(INFO | {name: value})))


@pytest.mark.parametrize("kind", TEXTS)
def test_metadata_is_json_of_finite_numbers(kind: str, write_model: Callable[..., Path]) -> None:
    refusal(write_model(TEXTS[kind]))


@pytest.mark.parametrize("source", SOURCES)
def test_no_name_of_an_encoder_is_a_place(
    source: str, write_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("the network is asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in (f"tu-{source}", source):
        assert ENCODER.wanted in refusal(write_model(json.dumps(INFO | {"encoder": name})))
        with pytest.raises(ModelError, match="has no such encoder"):
            model.describe(name, 64)


def test_what_is_described_needs_no_more_memory_than_the_weights_that_are_there(
    write_model: Callable[..., Path], weights: dict[str, torch.Tensor]
) -> None:
    assert "described are 60000" in refusal(write_model(json.dumps(INFO | {"decoder_channels": [60_000] * 5})))
    for encoder in ("tu-convnext_xxlarge", "mit_b5", "tu-regnety_2560"):
        refusal(write_model(json.dumps(INFO | {"encoder": encoder})))
    some = dict(list(weights.items())[:50])
    assert "missing key" in refusal(write_model(changed=some)).lower()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("at", [0, 100, -1])
def test_weights_are_finite(
    value: float, at: int, write_model: Callable[..., Path], weights: dict[str, torch.Tensor]
) -> None:
    name = [name for name, tensor in weights.items() if tensor.is_floating_point()][at]
    damaged = weights[name].clone()
    damaged.view(-1)[0] = value
    path = write_model(changed=weights | {name: damaged})
    assert f"{name} holds numbers that are not finite" in refusal(path)
    with pytest.raises(ModelError, match="not finite"):
        model.initialise(model.build(spoilt.INFO), path)


def test_what_is_computed_is_finite(write_model: Callable[..., Path], weights: dict[str, torch.Tensor]) -> None:
    variance = "decoder.blocks.4.conv2.1.running_var"  # whose root is taken
    path = write_model(changed=weights | {variance: -torch.ones_like(weights[variance])})
    assert "no finite numbers" in refusal(path)


SHORTAGES = [
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes"),
    RuntimeError("std::bad_alloc"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("can't start new thread"),
]


@pytest.mark.parametrize("error", SHORTAGES)
def test_too_little_memory_is_not_told_as_a_bad_model(
    error: Exception, write_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    path = write_model()
    monkeypatch.setattr(model, "build", fail)
    with pytest.raises(MemoryError, match=r"too little memory, or too few threads, to load it") as caught:
        model.load_model(str(path), torch.device("cpu"))
    assert str(path) in str(caught.value)


def test_the_command_line_refuses_in_one_line(
    write_model: Callable[..., Path], facelm: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    path = write_model(json.dumps(INFO | {"mean": "x"}))
    for command in (
        ["parse", "sample_images/person.jpg", "-o", tmp_path / "out", "--model", path],
        ["train", "--data", tmp_path, "--encoder", "tu-hf-hub:timm/resnet18", "--out", tmp_path / "run"],
    ):
        done = facelm(*command)
        assert done.returncode in (1, 2) and "Traceback" not in done.stderr and not done.stdout
    assert not (tmp_path / "out").exists() and not (tmp_path / "run").exists()
