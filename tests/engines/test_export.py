from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from common import ROOT

from facelm import classes
from facelm.engines import model
from facelm.engines.export import export, write_onnx
from facelm.engines.openvino import CORE
from facelm.engines.weights import ModelInfo
from facelm.pictures.files import ImageError


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 96, 32), (2, 256, 320)])
def test_logits_are_those_of_pytorch(exported: Path, shape: tuple[int, ...]) -> None:
    network, info = model.load_model(str(exported.with_suffix(".safetensors")), torch.device("cpu"))
    rgb = np.random.default_rng(0).integers(0, 256, (shape[0], 3, *shape[1:])).astype(np.float32)
    with torch.inference_mode():
        expected = network(model.normalise(info, torch.from_numpy(rgb))).numpy()
    compiled = CORE.compile_model(exported, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(rgb)[0]
    assert found.shape == expected.shape == (shape[0], len(classes.CLASSES), *shape[1:])
    assert np.abs(found - expected).max() < 1e-3


def test_the_file_says_what_it_is(exported: Path) -> None:
    found = onnx.load(exported)
    onnx.checker.check_model(found, full_check=True)
    assert [each.name for each in found.graph.input] == ["rgb"]
    assert [each.name for each in found.graph.output] == ["logits"]
    said = {entry.key: entry.value for entry in found.metadata_props}
    assert ModelInfo.from_json(said["facelm"]).encoder == "resnet18"
    assert json.loads(said["facelm"])["classes"] == list(classes.NAMES)


def test_no_file_tells_where_it_was_made(exported: Path) -> None:
    for path in (exported, *(ROOT / "weights").glob("*.onnx"), ROOT / "facelm/landmarks/landmark_net.onnx"):
        content = path.read_bytes()
        assert b"site-packages" not in content and b".py" not in content, path


def test_beside_the_model_it_only_refers_to_the_weights(exported: Path) -> None:
    assert exported.stat().st_size < 0.05 * exported.with_suffix(".safetensors").stat().st_size


def test_in_another_place_it_stands_alone_and_is_as_large_as_the_model(exported: Path, tmp_path: Path) -> None:
    path = export(str(exported.with_suffix(".safetensors")), tmp_path / "new/other.onnx")
    assert path == tmp_path / "new/other.onnx"
    assert [each.name for each in path.parent.iterdir()] == ["other.onnx"]
    assert path.stat().st_size < 1.2 * exported.with_suffix(".safetensors").stat().st_size
    rgb = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 96)).astype(np.float32)
    ours, alone = (CORE.compile_model(each, "CPU")(rgb)[0] for each in (exported, path))
    np.testing.assert_array_equal(ours, alone)


def test_a_place_that_cannot_be_written(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="file"):
        write_onnx(onnx.load(exported), {}, tmp_path / "file/model.onnx")


def test_a_model_that_is_not_there_is_wrong_usage(facelm: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = facelm("export", "colossal")
    assert done.returncode == 2
    assert "colossal: no such file" in done.stderr
