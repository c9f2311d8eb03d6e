"""The network of `facelm.finding.finder` in PyTorch: for training it, and for writing it as ONNX."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from facelm.engines.export import to_onnx, write_onnx
from facelm.finding.finder import CALIBRATION_KEY, OUTPUT_NAMES
from facelm.finding.grids import OUTPUTS, STRIDE, STRIDES

_WIDTHS = (16, 32, 48, 64, 80)
_WIDTH = 48
_MEAN, _SPREAD = 127.5, 64.0
_RARE = -4.6  # logit of one in a hundred: so many places are faces, at most


class FinderNet(nn.Module):
    """Pictures (N, 3, H, W) float32 from 0 to 255, H and W multiples of 32 -> what is at each place of three grids.

    Plain convolutions, which processors compute faster than separable ones of as many operations. Faces and hands share
    the first of them, at the finest scales, where most of the operations are.

    Returns:
        Of faces and of hands (N, P, OUTPUTS) float32, see `facelm.finding.grids.decode`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(unit(3, _WIDTHS[0], 2), unit(_WIDTHS[0], _WIDTHS[1], 2), Block(_WIDTHS[1]))
        self.faces, self.hands = Pyramid(), Pyramid()

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        x = self.see(rgb)
        return self.faces(x), self.hands(x)

    def see(self, rgb: Tensor) -> Tensor:
        """What a `Pyramid` begins with."""
        return self.stem((rgb - _MEAN) / _SPREAD)


class Pyramid(nn.Module):
    """A feature pyramid (Lin et al., CVPR 2017) with a head on each of its levels."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList([nn.Sequential(unit(i, o, 2), Block(o)) for i, o in pairwise(_WIDTHS[1:])])
        self.lateral = nn.ModuleList([unit(width, _WIDTH, kernel=1) for width in _WIDTHS[2:]])
        self.smooth = nn.ModuleList([unit(_WIDTH, _WIDTH) for _ in STRIDES[1:]])
        self.heads = nn.ModuleList(
            [nn.Sequential(unit(_WIDTH, _WIDTH), nn.Conv2d(_WIDTH, OUTPUTS, 1)) for _ in STRIDES]
        )
        for head in self.heads:
            last: nn.Conv2d = head[-1]  # type: ignore[index]
            nn.init.normal_(last.weight, std=0.01)
            nn.init.constant_(last.bias, 0)  # type: ignore[arg-type]
            last.bias.data[0] = _RARE  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), the picture at a quarter of its size -> (N, P, OUTPUTS)."""
        features = []
        for level, lateral in zip(self.levels, self.lateral, strict=True):
            x = level(x)
            features.append(lateral(x))
        for finer, smooth in zip((1, 0), reversed(self.smooth), strict=True):
            features[finer] = smooth(features[finer] + functional.interpolate(features[finer + 1], scale_factor=2.0))
        found = [head(feature) for head, feature in zip(self.heads, features, strict=True)]
        return torch.cat([each.flatten(2) for each in found], 2).transpose(1, 2).float()


def unit(channels: int, out: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """A convolution, normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU()
    )


class Block(nn.Module):
    """Two convolutions and a way around them (He et al., CVPR 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.way = nn.Sequential(
            unit(channels, channels), nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        return functional.relu(x + self.way(x))


def save_finder(network: FinderNet, calibration: Sequence[float], path: Path) -> None:
    """Write a trained network as `facelm.finding.finder` reads it, its weights rounded to half precision.

    Args:
        network: In evaluation mode, on the CPU; its weights are rounded too.
        calibration: Weights of the logits of the first look and of the closer one, and a constant.
        path: The ONNX file.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    network.half().float()
    example = torch.zeros(2, 3, 2 * STRIDE, 3 * STRIDE)
    model = to_onnx(network.eval(), {"rgb": example}, OUTPUT_NAMES, "NHW")
    write_onnx(model, {CALIBRATION_KEY: json.dumps(list(map(float, calibration)))}, path)
