"""The network: a U-Net from segmentation_models_pytorch, in PyTorch, and how it is written and loaded."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from facelm.classes import CLASSES
from facelm.engines.tensors import check_decoder, find_infinite
from facelm.engines.weights import (
    ENCODER,
    METADATA_KEY,
    ModelError,
    ModelInfo,
    find_weights,
    first_line,
    read_info,
    unfit,
)
from facelm.pictures import files

_DECODER = (256, 128, 64, 32, 16)
_LEAN_DECODER = (128, 96, 64, 32, 16)
_LIGHT_ENCODER = 10_000_000
# What safetensors, segmentation_models_pytorch and PyTorch raise for a file that somebody else made.
_UNFIT = (SafetensorError, OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError)


def describe(encoder: str, size: int, data: tuple[str, ...] = ()) -> ModelInfo:
    """Describe a new network: light encoders, below ten million parameters, get the lean decoder.

    Raises:
        ModelError: segmentation_models_pytorch has no such encoder.
    """
    try:
        if not ENCODER.holds(encoder):
            raise ValueError(f"wanted is {ENCODER.wanted}")
        parameters = smp.encoders.get_encoder(encoder, weights=None).parameters()
    except Exception as error:  # of timm, whose own errors are of many kinds
        raise ModelError(f"--encoder {encoder}: segmentation_models_pytorch has no such encoder") from error
    light = sum(p.numel() for p in parameters) < _LIGHT_ENCODER
    return ModelInfo(encoder, _LEAN_DECODER if light else _DECODER, size, data=data)


def build(info: ModelInfo, pretrained: bool = False) -> nn.Module:
    """Build the U-Net: (N, 3, H, W) normalised float -> logits (N, 19, H, W); H and W are multiples of 32.

    Args:
        info: What to build.
        pretrained: Start from ImageNet weights, which are downloaded; otherwise from random weights.

    Raises:
        ModelError: There are no ImageNet weights for the encoder, or they cannot be downloaded.
    """
    try:
        network: nn.Module = smp.Unet(
            info.encoder,
            encoder_weights="imagenet" if pretrained else None,
            decoder_channels=info.decoder_channels,
            classes=len(CLASSES),
        )
    except Exception as error:  # of the network or of a hub, whose own errors are of many kinds
        if not pretrained:
            raise
        raise ModelError(f"--pretrained: no weights for {info.encoder} ({first_line(error)})") from error
    return network


def normalise(info: ModelInfo, rgb: Tensor) -> Tensor:
    """Scale a batch for the network.

    Args:
        info: Of the network.
        rgb: (N, 3, H, W), uint8 or float from 0 to 255.

    Returns:
        float32, same shape and device.
    """
    mean = torch.tensor(info.mean, device=rgb.device).view(1, 3, 1, 1)
    std = torch.tensor(info.std, device=rgb.device).view(1, 3, 1, 1)
    # One multiplication and one addition, which runtimes compute as one.
    return rgb.float() * (1 / (255 * std)) - mean / std


def predict(network: nn.Module, info: ModelInfo, rgb: Tensor, shape: tuple[int, ...], precision: torch.dtype) -> Tensor:
    """Run a network in a precision of `pick_precision`.

    Args:
        network: The network.
        info: Of the network.
        rgb: (N, 3, H, W), uint8.
        shape: Height and width that the logits are to have.
        precision: Of what is computed inside.

    Returns:
        Logits, (N, 19, *shape) float32.
    """
    with torch.autocast(rgb.device.type, precision, enabled=precision != torch.float32):
        logits: Tensor = network(normalise(info, rgb))
    # One plane for each class: on the CPU, the loss takes half of the time that it takes in channels last.
    logits = logits.to(torch.float32, memory_format=torch.contiguous_format)
    return logits if logits.shape[-2:] == shape else nn.functional.interpolate(logits, shape, mode="bilinear")


def initialise(network: nn.Module, path: Path) -> None:
    """Load start weights from a local file: a model of facelm's, or a state dict of an encoder.

    A model of the same shape is taken whole, of another decoder only the encoder.
    ``.safetensors`` is data; a ``.pth`` is read by PyTorch's ``weights_only`` loader, which builds tensors and nothing
    else.

    Raises:
        ModelError: The file cannot be read, or its weights do not fit the encoder.
    """
    try:
        if path.suffix == ".safetensors":
            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(weights, dict) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
            raise TypeError("not a state dict")
    except Exception as error:  # the unpickler may raise anything for a foreign file
        raise ModelError(f"{path}: cannot be read as weights ({first_line(error)})") from error
    whole = network.state_dict()
    if weights.keys() == whole.keys() and all(weights[name].shape == whole[name].shape for name in whole):
        network.load_state_dict(weights)
    else:
        try:
            network.get_submodule("encoder").load_state_dict(_part(weights, "encoder.") or weights)
        except RuntimeError as error:
            raise ModelError(f"{path}: its weights do not fit this encoder ({first_line(error)})") from error
    if (name := find_infinite(network.state_dict())) is not None:
        raise ModelError(f"{path}: {name} holds numbers that are not finite")


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The weights of a part of a network, by their names in it."""
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def save_model(network: nn.Module, info: ModelInfo, path: Path) -> None:
    """Write a network and its description, in half precision, whole or not at all.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    weights = {name: _halve(tensor) for name, tensor in network.state_dict().items()}
    data = save(weights, {METADATA_KEY: json.dumps(asdict(info))})
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _halve(tensor: Tensor) -> Tensor:
    """Half precision, unless a value is too large for it."""
    tensor = tensor.detach().cpu().contiguous()
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    return half if bool(torch.isfinite(half).all()) else tensor.float()


def load_model(name_or_path: str, device: torch.device) -> tuple[nn.Module, ModelInfo]:
    """Load a network for use.

    Args:
        name_or_path: ``tiny``, ``lite``, ``resnet50``, or the path of a safetensors file that ``facelm train`` wrote.
        device: Where it is to run.

    Returns:
        The network in evaluation mode (float32, channels last), and its description.

    Raises:
        ModelError: The file is missing, damaged, or not a model of facelm's.
    """
    path = find_weights(name_or_path)
    info = read_info(path)
    try:
        weights = load_file(path)
        _check_sizes(info, weights)
        network = build(info)
        network.load_state_dict(weights)
        if (name := find_infinite(weights)) is not None:
            raise ValueError(f"{name} holds numbers that are not finite")
    except _UNFIT as error:
        raise unfit(path, error) from error
    return network.eval().to(device).to(memory_format=torch.channels_last), info


def _check_sizes(info: ModelInfo, weights: dict[str, Tensor]) -> None:
    """Raise a `ValueError` or `RuntimeError` if what is described needs more memory than the weights that are there."""
    check_decoder(info, weights)
    try:
        with torch.device("meta"):  # where tensors have shapes, and no memory
            network = build(info)
    except RuntimeError:  # as of Mix Transformers; the largest of them is small
        return
    network.load_state_dict({name: tensor.to("meta") for name, tensor in weights.items()})
