"""The network of `facelm.landmarks.learned` in PyTorch: for training it, and for writing it as ONNX."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from facelm import classes
from facelm.engines.export import to_onnx, write_onnx
from facelm.landmarks.learned import CERTAINTY_KEY, OUTPUTS, REGION_VIEW, VIEW
from facelm.training.finder_net import Block, unit

_WIDTHS = (16, 32, 48, 64, 80)
_WIDTH = 48
_MEAN, _SPREAD = 127.5, 64.0
_LEAST_SPREAD = 1e-4


class LandmarkNet(nn.Module):
    """What is seen of a face -> landmarks and how far off they may be.

    The photograph's part is that of the finder (`facelm.training.finder_net`), which may lend it its weights; the
    regions join it at a quarter of the resolution. A pyramid of plain convolutions leads to a heatmap for each point.
    At last all points together, and the face as a whole, tell by how much each is to be moved. Takes RGB (N, 3, H, W)
    float32 from 0 to 255 and the probabilities of the regions (N, 19, H / 2, W / 2); all zero where one of the two is
    not to be looked at.

    Returns:
        (N, OUTPUTS, 2) x, y as fractions of width and height; (N, OUTPUTS) the logarithm of the error that is to be
        expected, in widths; (N, OUTPUTS) the logit of the probability that something covers the point; and
        (N, OUTPUTS, H / 4, W / 4) logits of the heatmaps.
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = _WIDTHS
        self.stem = nn.Sequential(unit(3, a, 2), unit(a, b, 2))
        self.regions = unit(len(classes.CLASSES), b, 2)
        self.levels = nn.ModuleList(
            [
                nn.Sequential(Block(b), Block(b)),
                nn.Sequential(unit(b, c, 2), Block(c), Block(c), Block(c)),
                nn.Sequential(unit(c, d, 2), Block(d), Block(d), Block(d)),
                nn.Sequential(unit(d, e, 2), Block(e), Block(e), Block(e), Block(e)),
            ]
        )
        self.lateral = nn.ModuleList([unit(width, _WIDTH, kernel=1) for width in (b, c, d, e)])
        self.smooth = nn.ModuleList([nn.Sequential(Block(_WIDTH), Block(_WIDTH)) for _ in range(3)])
        self.heatmaps = nn.Conv2d(_WIDTH, OUTPUTS, 1)
        self.local = nn.Conv2d(_WIDTH, 2 * OUTPUTS, 1)
        # Convolutions, not linear layers: on those OpenVINO 2026.4 crashes when it compiles for a single thread.
        self.error = nn.Sequential(nn.Conv2d(e, 64, 1), nn.ReLU(), nn.Conv2d(64, OUTPUTS, 1))
        self.together = nn.Sequential(nn.Conv2d(e + 2 * OUTPUTS, 128, 1), nn.ReLU(), nn.Conv2d(128, 2 * OUTPUTS, 1))

    def forward(self, rgb: Tensor, regions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See the class."""
        x = self.stem((rgb - _MEAN) / _SPREAD) + self.regions(regions)
        features = []
        for level, lateral in zip(self.levels, self.lateral, strict=True):
            x = level(x)
            features.append(lateral(x))
        fine = features.pop()
        for smooth in self.smooth:
            skip = features.pop()
            fine = smooth(skip + functional.interpolate(fine, size=skip.shape[2:], mode="bilinear"))
        heat = self.heatmaps(fine).float()
        height, width = heat.shape[2:]
        share = heat.flatten(2).softmax(2).unflatten(2, (height, width))
        at_x, at_y = ((torch.arange(side, device=heat.device) + 0.5) / side for side in (width, height))
        over_x, over_y = share.sum(2), share.sum(3)
        # Not as products of matrices, which autocast computes in half precision.
        points = torch.stack([(over_x * at_x).sum(2), (over_y * at_y).sum(2)], 2)
        variance = (over_x * at_x**2).sum(2) + (over_y * at_y**2).sum(2) - (points**2).sum(2)
        spread = variance.detach().clamp(min=0).sqrt() + _LEAST_SPREAD
        there = (self.local(fine).float().unflatten(1, (2, OUTPUTS)) * share.detach()[:, None]).sum((3, 4))
        whole = x.mean((2, 3), keepdim=True)
        error = self.error(whole).float().flatten(1) + 0.5 * torch.log(spread) + there[:, 0]
        shape = (8 * (points - 0.5)).flatten(1)[..., None, None]
        moves = self.together(torch.cat([whole.float(), shape], 1)).float().flatten(1).unflatten(1, (OUTPUTS, 2))
        return points + moves / 32, error, there[:, 1], heat

    def borrow(self, finder: Mapping[str, NDArray[np.float16 | np.float32]]) -> None:
        """Begin with the weights of the finder's layers, by their names there; those that are not here stay away."""
        own = dict(self.named_parameters())
        for full_name, values in finder.items():
            name = full_name.removeprefix("faces.")
            part, number, rest = name.split(".", 2) if name.count(".") > 1 else (name, "", "")
            if part in ("levels", "lateral"):
                name = f"{part}.{int(number) + 1}.{rest}"
            elif part == "smooth":
                name = f"{part}.{number}.0.{rest}"
            elif (part, number) == ("stem", "2"):
                name = f"levels.0.0.{rest}"
            if name in own:
                own[name].data.copy_(torch.from_numpy(values.astype(np.float32)))


class _Told(nn.Module):
    """A network without its heatmaps."""

    def __init__(self, network: LandmarkNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, rgb: Tensor, regions: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = self.network(rgb, regions)[:3]
        return found


def save_landmark_net(network: LandmarkNet, certainty: NDArray[np.float64], path: Path) -> None:
    """Write a trained network as `facelm.landmarks.learned` reads it, its weights rounded to half precision.

    Args:
        network: In evaluation mode, on the CPU; its weights are rounded too.
        certainty: (FEATURES,) coefficients of `facelm.landmarks.certainty` that go with it.
        path: The ONNX file.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    examples = {
        "rgb": torch.rand(1, 3, *VIEW[::-1]),
        "regions": torch.rand(1, len(classes.CLASSES), *REGION_VIEW[::-1]),
    }
    network.half().float()
    model = to_onnx(_Told(network).eval(), examples, ("points", "log_error", "covered"), "")
    write_onnx(model, {CERTAINTY_KEY: json.dumps(certainty.tolist())}, path)
