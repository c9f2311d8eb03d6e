from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from common import ROOT

from facelm.engines import model
from facelm.engines.weights import ModelInfo

LITE = ROOT / "weights/lite.safetensors"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped model, without its export."""
    return Path(shutil.copy(LITE, tmp_path))


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, facelm: Callable[..., subprocess.CompletedProcess[str]]) -> Path:
    """A small network with random weights, written and exported by the command."""
    path = tmp_path_factory.mktemp("export") / "small.safetensors"
    torch.manual_seed(0)
    network = model.build(ModelInfo("resnet18", (32, 24, 16, 16, 8)))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    model.save_model(network, ModelInfo("resnet18", (32, 24, 16, 16, 8), 64), path)
    done = facelm("export", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path.with_suffix('.onnx')}\n"
    return path.with_suffix(".onnx")
