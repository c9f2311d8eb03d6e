from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from common import ROOT

from facelm.engines.open import open_engine
from facelm.engines.openvino import OpenVinoEngine
from facelm.engines.torch import TorchEngine
from facelm.engines.weights import find_shipped, find_weights, read_info

LITE = ROOT / "weights/lite.safetensors"
SHIPPED = pytest.mark.parametrize("name", sorted(find_shipped()))


@SHIPPED
def test_a_shipped_model_runs_on_openvino_on_the_cpu(name: str) -> None:
    engine = open_engine(name, "cpu")
    assert isinstance(engine, OpenVinoEngine)
    assert engine.info == read_info(find_weights(name))


def test_a_driver_without_a_gpu_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.setattr("facelm.engines.open.may_have_gpu", lambda: True)
    assert isinstance(open_engine("lite"), OpenVinoEngine)


def test_a_model_that_was_not_exported_runs_on_pytorch(copy: Path) -> None:
    assert isinstance(open_engine(str(copy), "cpu"), TorchEngine)


def test_an_export_of_the_same_model_is_used(copy: Path) -> None:
    shutil.copy(LITE.with_suffix(".onnx"), copy.with_suffix(".onnx"))
    assert isinstance(open_engine(str(copy), "cpu"), OpenVinoEngine)


def test_an_export_of_another_model_is_not_used(copy: Path) -> None:
    shutil.copy(ROOT / "facelm/landmarks/landmark_net.onnx", copy.with_suffix(".onnx"))
    assert isinstance(open_engine(str(copy), "cpu"), TorchEngine)


def test_an_export_whose_weights_have_another_name_now_is_not_used(copy: Path) -> None:
    """It would take them from a file of the old name."""
    shutil.copy(LITE.with_suffix(".onnx"), copy.with_name("renamed.onnx"))
    renamed = copy.with_name("renamed.safetensors")
    shutil.copy(copy, renamed)
    copy.unlink()
    assert isinstance(open_engine(str(renamed), "cpu"), TorchEngine)


def test_pictures_are_parsed_on_the_cpu_without_pytorch() -> None:
    program = (
        "import sys; from facelm.cli.app import app; "
        f"app(['landmarks', {str(ROOT / 'sample_images/person.jpg')!r}, '--device', 'cpu'], standalone_mode=False); "
        "print(sorted({'torch', 'timm', 'segmentation_models_pytorch'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr
