"""The network of `facelm.landmarks.learned` in PyTorch: for training it, and for writing it as ONNX."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from facelm import classes
from facelm.engines.export import to_onnx, write_onnx
from facelm.landmarks.learned import CERTAINTY_KEY, SIDE
from facelm.landmarks.points import MIRRORED_POINTS, POINTS

_WIDTHS = (32, 48, 64, 96)
_LEAST_SPREAD = 1e-4


class LandmarkNet(nn.Module):
    """Region probabilities (N, 19, SIDE, SIDE) float32 -> landmarks and how far off they may be.

    Returns:
        (N, 68, 2) x, y as fractions of the crop's side, in iBUG order; and (N, 68) the logarithm of the error that
        is to be expected, in the same unit.
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _WIDTHS
        self.stem = nn.Sequential(nn.Conv2d(len(classes.CLASSES), a, 5, 2, 2, bias=False), nn.BatchNorm2d(a), nn.ReLU())
        self.down = nn.ModuleList([_Block(a, a), _Block(a, b, 2), _Block(b, c, 2), _Block(c, d, 2)])
        self.up = nn.ModuleList([_Block(d + c, c), _Block(c + b, b), _Block(b + a, b)])
        self.heatmaps = nn.Conv2d(b, POINTS, 1)
        # Convolutions, not linear layers: on those OpenVINO 2026.4 crashes when it compiles for a single thread.
        self.error = nn.Sequential(nn.Conv2d(d, 64, 1), nn.ReLU(), nn.Conv2d(64, POINTS, 1))

    def forward(self, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        x = self.stem(probabilities)
        levels = []
        for block in self.down:
            x = block(x)
            levels.append(x)
        deepest = levels.pop()
        for block in self.up:
            skip = levels.pop()
            x = block(torch.cat([functional.interpolate(x, size=skip.shape[2:], mode="bilinear"), skip], 1))
        heat = self.heatmaps(x).float()
        side = heat.shape[-1]
        share = heat.flatten(2).softmax(2).unflatten(2, (side, side))
        at = (torch.arange(side, device=heat.device) + 0.5) / side
        over_x, over_y = share.sum(2), share.sum(3)
        points = torch.stack([over_x @ at, over_y @ at], 2)
        variance = over_x @ at**2 + over_y @ at**2 - (points**2).sum(2)
        spread = variance.detach().clamp(min=0).sqrt() + _LEAST_SPREAD
        return points, self.error(deepest.mean((2, 3), keepdim=True)).float().flatten(1) + 0.5 * torch.log(spread)


class _Block(nn.Module):
    """Two convolutions and a way around them (He et al., CVPR 2016)."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.way = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.Conv2d(out, out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.around: nn.Module = nn.Identity()
        if stride > 1 or channels != out:
            self.around = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.way(x) + self.around(x))


class TwoLooks(nn.Module):
    """The mean of what a network finds in region probabilities (N, 19, SIDE, SIDE) and in their mirror image."""

    def __init__(self, network: LandmarkNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """See `LandmarkNet`."""
        mirrored = probabilities[:, list(classes.MIRRORED)].flip(3)
        points, log_error = self.network(probabilities)
        turned, turned_error = self.network(mirrored)
        back = turned[:, list(MIRRORED_POINTS)] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
        return (points + back) / 2, (log_error + turned_error[:, list(MIRRORED_POINTS)]) / 2


def save_landmark_net(network: LandmarkNet, certainty: NDArray[np.float64], path: Path) -> None:
    """Write a trained network as `facelm.landmarks.learned` reads it, its weights rounded to half precision.

    Args:
        network: In evaluation mode, on the CPU; its weights are rounded too.
        certainty: (FEATURES,) coefficients of `facelm.landmarks.certainty` that go with it.
        path: The ONNX file.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    example = torch.rand(1, len(classes.CLASSES), SIDE, SIDE)
    network.half().float()
    model = to_onnx(TwoLooks(network).eval(), example, "regions", ("points", "log_error"), "")
    write_onnx(model, {CERTAINTY_KEY: json.dumps(certainty.tolist())}, path)
