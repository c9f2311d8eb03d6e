"""Tests the claim that facelm starts from: regions are learned more robustly than points.

    python bench/claim.py DATA SPLIT OUT

Two networks with the same encoder (MobileNetV2, from the same ImageNet weights), the same input (128 px, aligned crops)
and about the same number of training steps see the same test faces, in the crops that the shipped model finds:

- direct regression: 136 outputs, trained on the points of videos in DATA/youtube_faces, which were marked
  automatically;
- parsing, then contours: trained by `facelm train` on the masks in SPLIT/celebamask/train, and nothing learned after.

Both are also trained on labels with noise: points are moved by a normal deviate of 5 % of the inter-ocular distance,
and every place of a mask by a smooth field of the same deviation. Runs go to OUT; about half an hour on two cores.
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from segmentation_models_pytorch.encoders import get_encoder
from torch import Tensor, nn

from facelm import classes
from facelm.engines.devices import pick_precision
from facelm.engines.model import initialise, normalise
from facelm.engines.weights import ModelInfo
from facelm.landmarks.find import find_landmarks
from facelm.landmarks.points import MIRRORED_POINTS, POINTS
from facelm.measuring.evaluate import face_at
from facelm.measuring.metrics import measure_points, score_landmarks
from facelm.measuring.truth import align_landmarks, find_truths
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser
from facelm.pictures import affine, images
from facelm.pictures.crops import cut_crop
from facelm.training import data

SIDE = 128
STEPS, BATCH, RATE = 600, 32, 1e-3
EPOCHS = 26
NOISE = 0.05  # of the inter-ocular distance
EYES_APART = 0.36  # the inter-ocular distance in the canonical crop, as a share of its side
SMOOTH = 0.06  # of the side: how far the displacements of a mask belong together
TESTS = {"aflw/test": "box", "frl/test": "interocular", "facesynthetics/test": "interocular"}
INFO = ModelInfo("mobilenet_v2", ())


class Regressor(nn.Module):
    """Crops (N, 3, SIDE, SIDE) -> landmarks (N, 68, 2), fractions of the crop's side."""

    def __init__(self, start: Path) -> None:
        super().__init__()
        self.encoder = get_encoder("mobilenet_v2", weights=None)
        initialise(self, start)
        self.head = nn.Linear(self.encoder.out_channels[-1], 2 * POINTS)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return 0.5 + self.head(self.encoder(x)[-1].mean((2, 3))).float().view(-1, POINTS, 2)


def main(source: Path, split: Path, out: Path) -> None:
    """Train the four networks, and show how well they do."""
    parser = FaceParser()
    start = source / "encoders/mobilenet_v2_imagenet.pth"
    crops, points = read_videos(source / "youtube_faces")
    console = Console(width=100)
    table = Table("", "label noise", *TESTS)
    for noise in (0.0, NOISE):
        regressor = regress(crops, points, start, noise)
        table.add_row("direct regression", f"{noise:.0%}", *score(parser, split, regressor))
        console.print(table)
    for noise in (0.0, NOISE):
        weights = parse(split, start, out / f"noise{noise}", noise)
        table.add_row("parsing, then contours", f"{noise:.0%}", *score(parser, split, FaceParser(str(weights))))
        console.print(table)


def read_videos(folder: Path) -> tuple[Tensor, Tensor]:
    """Crops (N, 3, S, S) uint8 a quarter wider than needed, and points (N, 68, 2) in fractions of the middle part."""
    crops, points = [], []
    for truth in track(find_truths(folder), "Cutting faces out"):
        transform = align_landmarks(truth.points)
        wide = 0.75 * transform
        wide[:, 2] += 0.125
        crop = cut_crop(images.read(truth.image), wide, round(SIDE / 0.75))
        crops.append(torch.from_numpy(crop).permute(2, 0, 1))
        points.append(torch.from_numpy(affine.apply(transform, truth.points)).float())
    return torch.stack(crops), torch.stack(points)


def regress(crops: Tensor, points: Tensor, start: Path, noise: float) -> Regressor:
    """Train a network that gives the points themselves."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    points = points + noise * EYES_APART / np.sqrt(2) * torch.randn(points.shape)
    network = Regressor(start).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    precision = pick_precision(torch.device("cpu"))
    for _ in track(range(STEPS), "Direct regression"):
        chosen = rng.choice(len(crops), BATCH)
        x, goal = jitter(crops[chosen].float(), points[chosen], rng)
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            found = network(normalise(INFO, x).contiguous(memory_format=torch.channels_last))
        loss = nn.functional.smooth_l1_loss(100 * found, 100 * goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def jitter(crops: Tensor, points: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Turn, scale, shift, flip and relight crops as training in facelm does, and their points with them."""
    count = len(crops)
    angle = torch.from_numpy(rng.normal(0, np.radians(8), count)).float()
    scale = torch.from_numpy(np.exp(rng.normal(0, 0.07, count))).float()
    shift = torch.from_numpy(rng.normal(0, 0.02, (count, 2))).float()
    mirror = torch.from_numpy(rng.choice([-1.0, 1.0], count)).float()
    cos, sin = scale * angle.cos(), scale * angle.sin()
    turn = torch.stack([torch.stack([mirror * cos, -mirror * sin], 1), torch.stack([sin, cos], 1)], 1)
    moved = torch.einsum("nij,npj->npi", turn, points - 0.5) + 0.5 + shift[:, None]
    mirrored = moved[:, list(MIRRORED_POINTS)]
    moved = torch.where(mirror[:, None, None] < 0, mirrored, moved)
    back = torch.inverse(turn)
    # Grids run from -1 to 1 over the crop as it was cut, a quarter wider.
    offset = -torch.einsum("nij,nj->ni", back, 2 * shift)
    grid = nn.functional.affine_grid(
        0.75 * torch.cat([back, offset[..., None]], 2), [count, 3, SIDE, SIDE], align_corners=False
    )
    light = torch.from_numpy(rng.uniform(0.6, 1.4, (count, 1, 1, 1))).float()
    return (light * nn.functional.grid_sample(crops, grid, align_corners=False)).clamp(0, 255), moved


def parse(split: Path, start: Path, out: Path, noise: float) -> Path:
    """Train a parsing network by the command line, on masks that are moved about by noise."""
    folder = split / "celebamask/train"
    if noise:
        rng = np.random.default_rng(0)
        for example in data.find(folder):
            rgb, mask = example.read()
            images.write_jpeg(out / "data/images" / f"{example.image.stem}.jpg", rgb)
            images.write_mask(
                out / "data/masks" / f"{example.image.stem}.png", shake(mask, noise, rng), classes.palette()
            )
        folder = out / "data"
    command = [sys.executable, "-m", "facelm", "train", "--data", folder, "--val", split / "celebamask/val"]
    command += ["--encoder", "mobilenet_v2", "--init", start, "--size", SIDE, "--batch", BATCH, "--epochs", EPOCHS]
    subprocess.run([str(part) for part in [*command, "--out", out / "run", "--workers", 1]], check=True)
    return out / "run/best.safetensors"


def shake(mask: NDArray[np.uint8], noise: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Move every place of a mask by a smooth random field."""
    height, width = mask.shape
    field = rng.normal(size=(2, height, width)).astype(np.float32)
    field = np.stack([cv2.GaussianBlur(each, (0, 0), SMOOTH * width) for each in field])
    field *= noise * EYES_APART / np.sqrt(2) * width / field.std()
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(mask, columns + field[0], rows + field[1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)


def score(finder: FaceParser, split: Path, network: Regressor | FaceParser) -> Iterator[str]:
    """NME in percent on each test folder, of the faces that the finder finds."""
    for name, norm in TESTS.items():
        errors = []
        for truth in track(find_truths(split / name), name):
            rgb = images.read(truth.image)
            face = face_at(finder.parse(rgb), np.nanmean(truth.points[17:], 0))
            if face is not None:
                found = place(face, cut_crop(rgb, face.transform, SIDE), network)
                errors.append(measure_points(found, np.zeros(POINTS), truth.points, None, norm))
        yield f"{score_landmarks(errors).nme:.2f}"


@torch.inference_mode()
def place(face: Face, crop: NDArray[np.uint8], network: Regressor | FaceParser) -> NDArray[np.float64]:
    """The landmarks (68, 2) in the picture that a network finds in the crop of a face."""
    if isinstance(network, FaceParser):
        return find_landmarks(replace(face, probabilities=network.predict(crop[None])[0]), learned=False).points
    points = network(normalise(INFO, torch.from_numpy(crop.transpose(2, 0, 1).copy())[None]))[0]
    return affine.apply(affine.invert(face.transform), points.double().numpy())


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
