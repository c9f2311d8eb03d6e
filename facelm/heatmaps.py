"""The learned step: a small network that sees the region probabilities of a crop and says where the landmarks are.

It never sees the photograph, only what the parser made of it: so it serves every parser, and what it learns from the
few pictures with trustworthy landmarks is how a face's regions are arranged and where annotators put their points.
Each landmark is the expectation of a heatmap (integral regression; Sun et al., ECCV 2018). ``recipes/landmark_net.py``
trains it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from facelm import classes
from facelm.records import MIRRORED_POINTS, POINTS

SIDE = 64
"""Side of the region probabilities that the network sees, pixels."""

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
        self.error = nn.Sequential(nn.Linear(d, 64), nn.ReLU(), nn.Linear(64, POINTS))

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
        return points, self.error(deepest.mean((2, 3))).float() + 0.5 * torch.log(spread)


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


def reduce_probabilities(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Region probabilities (19, S, S) at the size that the network sees: (19, SIDE, SIDE) float32."""
    method = cv2.INTER_AREA if probabilities.shape[1] > SIDE else cv2.INTER_LINEAR
    return np.stack([cv2.resize(layer, (SIDE, SIDE), interpolation=method) for layer in probabilities])


@dataclass(frozen=True, eq=False)
class LearnedPoints:
    """What the network says of a face.

    Attributes:
        points: (68, 2) x, y in pixels of the crop, float64, in iBUG order.
        log_error: (68,) logarithm of the error that is to be expected of each, in sides of the crop.
    """

    points: NDArray[np.float64]
    log_error: NDArray[np.float64]


def find_points(probabilities: NDArray[np.float32]) -> LearnedPoints:
    """Find the landmarks of a parsed crop with the shipped network.

    Args:
        probabilities: (19, S, S) float32, as in `facelm.parse.Face`.
    """
    return locate(_load()[0], probabilities)


@torch.inference_mode()
def locate(network: nn.Module, probabilities: NDArray[np.float32]) -> LearnedPoints:
    """What a network says of the region probabilities (19, S, S) of a crop, and of their mirror image."""
    points, log_error = look_twice(network, torch.from_numpy(reduce_probabilities(probabilities)[None]))
    return LearnedPoints(points[0].double().numpy() * probabilities.shape[1] - 0.5, log_error[0].double().numpy())


def look_twice(network: nn.Module, probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of what a network finds in region probabilities (N, 19, SIDE, SIDE) and in their mirror image."""
    mirrored = probabilities[:, list(classes.MIRRORED)].flip(3)
    points, log_error = network(torch.cat([probabilities, mirrored]))
    (plain, turned), (plain_error, turned_error) = points.chunk(2), log_error.chunk(2)
    back = turned[:, list(MIRRORED_POINTS)] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    return (plain + back) / 2, (plain_error + turned_error[:, list(MIRRORED_POINTS)]) / 2


def coefficients() -> NDArray[np.float64]:
    """(FEATURES,) of `facelm.certainty`, that go with the shipped network."""
    return _load()[1]


@cache
def _load() -> tuple[LandmarkNet, NDArray[np.float64]]:
    """The shipped network, on the CPU (it is too small to be worth a GPU), and what goes with it."""
    weights = load_file(Path(__file__).with_name("landmark_net.safetensors"))
    coefficients = weights.pop("certainty").double().numpy()
    network = LandmarkNet().eval()
    network.load_state_dict(weights)
    return network, coefficients
