"""The network of `facelm.hands.reader` in PyTorch: for training it, and for writing it as ONNX."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from facelm.engines.export import to_onnx, write_onnx
from facelm.hands.points import POINTS
from facelm.hands.reader import CERTAINTY_KEY, SIDE
from facelm.training.finder_net import Block, unit

_WIDTHS = (24, 40, 64, 96, 128)
_MEAN, _SPREAD = 127.5, 64.0
_LEAST_SPREAD = 1e-4


class HandNet(nn.Module):
    """Crops (N, 3, SIDE, SIDE) float32 from 0 to 255 -> the points of the hand in each.

    Each point is the expectation of a heatmap (integral regression; Sun et al., ECCV 2018), and its depth that of a map
    of depths under the same heatmap.

    Returns:
        (N, 21, 3) x, y as fractions of the crop's side, and z from the wrist in the same unit, smaller is nearer;
        (N, 21) the logarithm of the error that is to be expected; (N, 2) the logits of there being a hand, and of its
        being a right one.
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = _WIDTHS
        self.stem = nn.Sequential(unit(3, a, 2), unit(a, b, 2), Block(b))
        self.down = nn.ModuleList([nn.Sequential(unit(i, o, 2), Block(o)) for i, o in ((b, c), (c, d), (d, e))])
        self.up = nn.ModuleList([unit(i + o, o) for i, o in ((e, d), (d, c), (c, b))])
        self.maps = nn.Conv2d(b, 2 * POINTS, 1)
        # Convolutions, not linear layers: on those OpenVINO 2026.4 crashes when it compiles for a single thread.
        self.whole = nn.Sequential(nn.Conv2d(e, 96, 1), nn.ReLU(), nn.Conv2d(96, POINTS + 2, 1))

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        x = self.stem((rgb - _MEAN) / _SPREAD)
        levels = [x]
        for block in self.down:
            levels.append(block(levels[-1]))
        x = deepest = levels.pop()
        for block in self.up:
            skip = levels.pop()
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0), skip], 1))
        heat, depth = self.maps(x).float().chunk(2, 1)
        side = heat.shape[-1]
        share = heat.flatten(2).softmax(2)
        z = (share * depth.flatten(2)).sum(2)
        share = share.unflatten(2, (side, side))
        at = (torch.arange(side, device=heat.device) + 0.5) / side
        over_x, over_y = share.sum(2), share.sum(3)
        points = torch.stack([over_x @ at, over_y @ at, z], 2)
        variance = over_x @ at**2 + over_y @ at**2 - (points[..., :2] ** 2).sum(2)
        spread = variance.detach().clamp(min=0).sqrt() + _LEAST_SPREAD
        whole = self.whole(deepest.mean((2, 3), keepdim=True)).float().flatten(1)
        return points, whole[:, 2:] + 0.5 * torch.log(spread), whole[:, :2]


def save_hand_net(network: HandNet, certainty: Sequence[float], path: Path) -> None:
    """Write a trained network as `facelm.hands.reader` reads it, its weights rounded to half precision.

    Args:
        network: In evaluation mode, on the CPU; its weights are rounded too.
        certainty: The two numbers that make a point's confidence of the logarithm of its expected error.
        path: The ONNX file.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    network.half().float()
    example = torch.rand(2, 3, SIDE, SIDE)
    model = to_onnx(network.eval(), {"rgb": example}, ("points", "log_error", "hand"), "N")
    write_onnx(model, {CERTAINTY_KEY: json.dumps(list(map(float, certainty)))}, path)
