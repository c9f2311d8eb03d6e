from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from facelm.engines import model
from facelm.engines.weights import ModelError, ModelInfo
from facelm.pictures.files import ImageError

ENCODER = "mobilenet_v2"


CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def info() -> ModelInfo:
    return replace(model.describe(ENCODER, 64, ("drawn", "faces")), scores={"mean_f1": 0.5})


@pytest.fixture(scope="module")
def network(info: ModelInfo) -> nn.Module:
    torch.manual_seed(3)
    return model.build(info).eval()


@pytest.fixture(scope="module")
def saved(network: nn.Module, info: ModelInfo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "saved.safetensors"
    model.save_model(network, info, path)
    return path


@pytest.fixture
def spoilt(saved: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes the saved model again with other metadata or weights."""

    def write(weights: dict[str, torch.Tensor] | None = None, **changes: object) -> Path:
        with safe_open(saved, "pt") as file:
            values = json.loads(file.metadata()["facelm"]) | changes
        path = tmp_path / "spoilt.safetensors"
        save_file(load_file(saved) if weights is None else weights, path, {"facelm": json.dumps(values)})
        return path

    return write


def evil(path: Path, marker: Path) -> Path:
    """A pickle that makes a file when it is loaded by a naive reader."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(marker),)

    path.write_bytes(pickle.dumps({"conv1.weight": Evil()}))
    return path


def failure(path: Path | str) -> str:
    """What ``load_model`` says of a file: one line that names it."""
    with pytest.raises(ModelError) as caught:
        model.load_model(str(path), CPU)
    message = str(caught.value)
    assert str(path) in message
    assert len(message.splitlines()) == 1
    return message


def test_light_encoders_get_the_lean_decoder() -> None:
    assert model.describe(ENCODER, 128).decoder_channels == (128, 96, 64, 32, 16)
    assert model.describe("resnet18", 128) == ModelInfo("resnet18", (256, 128, 64, 32, 16), 128)


@pytest.mark.parametrize("name", ["resnet5000", "tu-nothing", ""])
def test_an_unknown_encoder_is_named(name: str) -> None:
    with pytest.raises(ModelError, match=f"--encoder {name}: segmentation_models_pytorch has no such encoder"):
        model.describe(name, 64)


def test_the_network_gives_a_logit_for_each_class_and_pixel(network: nn.Module) -> None:
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 64, 96)).shape == (2, 19, 64, 96)


def test_normalise(info: ModelInfo) -> None:
    rgb = torch.tensor([0, 128, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    wanted = (np.array([0, 128, 255]) / 255 - info.mean) / info.std
    assert model.normalise(info, rgb).dtype == torch.float32
    np.testing.assert_allclose(model.normalise(info, rgb).flatten(), wanted, rtol=1e-6)


def test_a_model_saved_and_loaded_is_the_same(network: nn.Module, info: ModelInfo, saved: Path) -> None:
    loaded, loaded_info = model.load_model(str(saved), CPU)
    assert loaded_info == info
    assert not loaded.training
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(loaded(picture), network(picture), rtol=0.02, atol=0.02)
    assert {t.dtype for t in load_file(saved).values() if t.is_floating_point()} == {torch.float16}


def test_weights_too_large_for_half_precision_survive(info: ModelInfo, tmp_path: Path) -> None:
    network = model.build(info)
    with torch.no_grad():
        next(network.parameters()).fill_(1e6)
    model.save_model(network, info, tmp_path / "large.safetensors")
    loaded, _ = model.load_model(str(tmp_path / "large.safetensors"), CPU)
    assert float(next(loaded.parameters()).detach().max()) == 1e6


def test_a_model_is_written_whole_or_not_at_all(network: nn.Module, info: ModelInfo, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="file"):
        model.save_model(network, info, tmp_path / "file" / "model.safetensors")
    model.save_model(network, info, tmp_path / "new" / "model.safetensors")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model.safetensors"]


def test_a_missing_name_lists_what_is_shipped() -> None:
    assert "no such file, and no shipped model" in failure("colossal")


def test_a_folder_is_not_a_model(tmp_path: Path) -> None:
    failure(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_damaged_file_is_refused(saved: Path, tmp_path: Path, share: float) -> None:
    content = saved.read_bytes()
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(content[: int(share * len(content))])
    assert "not a model that facelm can load" in failure(path)


def test_a_file_of_other_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.safetensors"
    path.write_bytes(b"\xff" * 5000)
    failure(path)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    assert "a safetensors file, but not a model that facelm trained" in failure(path)
    save_file({"weight": torch.zeros(3)}, path, {"format": "pt"})
    assert "not a model that facelm trained" in failure(path)


def test_wrong_tensors_are_refused(saved: Path, spoilt: Callable[..., Path]) -> None:
    assert "issing key" in failure(spoilt({"weight": torch.zeros(3)}))
    weights = load_file(saved)
    name = next(iter(weights))
    assert "size mismatch" in failure(spoilt(weights | {name: torch.zeros(7, 7)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": ["background", "cat"]},
        {"encoder": "resnet5000"},
        {"encoder": 5},
        {"decoder_channels": [16, 16]},
        {"decoder_channels": []},
        {"decoder_channels": [256, 128, 64, 32, 16, 8]},
        {"decoder_channels": 16},
        {"decoder_channels": None},
        {"colour": "red"},
        {"size": "large"},
        {"size": 0},
    ],
)
def test_a_description_that_does_not_fit_is_refused(spoilt: Callable[..., Path], changes: dict[str, object]) -> None:
    failure(spoilt(**changes))


def test_a_pickle_in_disguise_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    path = evil(tmp_path / "evil.safetensors", tmp_path / "marker")
    failure(path)
    with pytest.raises(ModelError):
        model.initialise(nn.Module(), path)
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "encoder."])
def test_start_from_the_state_dict_of_an_encoder(info: ModelInfo, tmp_path: Path, suffix: str, prefix: str) -> None:
    torch.manual_seed(8)
    encoder = model.build(info).get_submodule("encoder").state_dict()
    weights = {prefix + name: tensor for name, tensor in encoder.items()}
    path = tmp_path / f"start{suffix}"
    if suffix == ".pth":
        torch.save(weights, path)
    else:
        save_file(weights, path)
    network = model.build(info)
    decoder = {k: v.clone() for k, v in network.get_submodule("decoder").state_dict().items()}
    model.initialise(network, path)
    same(network.get_submodule("encoder").state_dict(), encoder)
    same(network.get_submodule("decoder").state_dict(), decoder)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-3)


def test_start_from_a_whole_model(network: nn.Module, info: ModelInfo, saved: Path) -> None:
    torch.manual_seed(8)
    fresh = model.build(info)
    model.initialise(fresh, saved)
    same(fresh.state_dict(), network.state_dict())
    assert next(fresh.parameters()).dtype == torch.float32


def test_of_a_model_with_another_decoder_only_the_encoder_is_taken(
    network: nn.Module, info: ModelInfo, saved: Path
) -> None:
    fresh = model.build(replace(info, decoder_channels=(64, 48, 32, 16, 8)))
    model.initialise(fresh, saved)
    same(fresh.get_submodule("encoder").state_dict(), network.get_submodule("encoder").state_dict())


def test_weights_of_another_encoder_do_not_fit(saved: Path) -> None:
    with pytest.raises(ModelError, match="its weights do not fit this encoder") as caught:
        model.initialise(model.build(ModelInfo("resnet18", (32, 16, 16, 8, 8))), saved)
    assert str(caught.value).startswith(str(saved))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["none.pth", "none.safetensors", "text.pth", "text.safetensors", "list.pth", "."])
def test_start_weights_that_cannot_be_read(info: ModelInfo, tmp_path: Path, name: str) -> None:
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="cannot be read as weights") as caught:
        model.initialise(model.build(info), tmp_path / name)
    assert len(str(caught.value).splitlines()) == 1


def test_a_malicious_pickle_is_refused_and_runs_nothing(info: ModelInfo, tmp_path: Path) -> None:
    path = evil(tmp_path / "evil.pth", tmp_path / "marker")
    with pytest.raises(ModelError, match=r"evil\.pth: cannot be read as weights"):
        model.initialise(model.build(info), path)
    assert not (tmp_path / "marker").exists()


def test_a_malicious_zip_of_pytorch_is_refused_and_runs_nothing(info: ModelInfo, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "marker"),)

    torch.save({"weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match="cannot be read as weights"):
        model.initialise(model.build(info), tmp_path / "evil.pth")
    assert not (tmp_path / "marker").exists()


def test_pretrained_weights_that_cannot_be_had_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="--pretrained: no weights for resnet18"):
        model.build(ModelInfo("resnet18", (32, 16, 16, 8, 8)), pretrained=True)
