"""Trains the small network that finds landmarks in region probabilities: ``facelm/landmarks/landmark_net.onnx``.

    python recipes/landmark_net.py SPLIT

SPLIT is what ``recipes/split.py`` wrote, and only its training folders are read. Each face is parsed as it is found,
and again several times as if it had been found less well, in worse light.

Three networks that each leave out a third of the faces tell, on those, how sure a point is
(``facelm.landmarks.certainty``); the one that ships has seen all. About twenty minutes on two CPU cores.
"""

import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional

from facelm import classes
from facelm.engines.devices import pick_device, pick_precision
from facelm.landmarks import learned
from facelm.landmarks.contours import sample_arc
from facelm.landmarks.find import describe, merge, read_contours
from facelm.landmarks.learned import SIDE, locate
from facelm.landmarks.points import MIRRORED_POINTS, PARTS, POINTS
from facelm.measuring.evaluate import face_at
from facelm.measuring.metrics import measure_points
from facelm.measuring.truth import align_landmarks, find_truths
from facelm.parsing.face import Face
from facelm.parsing.islands import drop_islands
from facelm.parsing.parser import FaceParser
from facelm.pictures import affine, images
from facelm.pictures.crops import MIDDLE, cut_crop, find_inside
from facelm.training.landmark_net import LandmarkNet, TwoLooks, save_landmark_net

VIEWS = 5
STORED = 96
STEPS, BATCH, RATE = 2000, 32, 2e-3
FOLDS = 3
SHARES = {"aflw/train": 0.45, "facesynthetics/train": 0.3, "frl/train": 0.25}
COVERS = classes.indices("background", "hair", "hat", "cloth", "skin")


@dataclass(frozen=True, eq=False)
class View:
    """A face as the parser sees it once.

    Attributes:
        name: Of the picture.
        source: The set that it is of.
        regions: (19, STORED, STORED) float16, the region probabilities.
        face: The parsed crop, its probabilities in half precision.
        truth: (68, 2) fractions of the crop, NaN where there is none.
    """

    name: str
    source: str
    regions: NDArray[np.float16]
    face: Face
    truth: NDArray[np.float64]


def main(split: Path) -> None:
    """Collect, train, calibrate, write."""
    parser = FaceParser()
    views = [view for name in SHARES for view in collect(parser, split / name, name)]
    names = sorted({view.name for view in views})
    features, near = [], []
    for fold in range(FOLDS):
        left_out = set(names[fold::FOLDS])
        network = train([view for view in views if view.name not in left_out], fold)
        for view in views:
            if view.name in left_out:
                described, hits = examine(network, view)
                features.append(described)
                near.append(hits)
    certainty = calibrate(np.concatenate(features), np.concatenate(near))
    save_landmark_net(train(views, FOLDS), certainty, Path(learned.__file__).with_name("landmark_net.onnx"))


def collect(parser: FaceParser, folder: Path, source: str) -> Iterator[View]:
    """The faces of a folder: as they are found, and in several other ways."""
    for truth in track(find_truths(folder), source):
        rgb = images.read(truth.image)
        rng = np.random.default_rng(zlib.crc32(truth.image.name.encode()))
        found = face_at(parser.parse(rgb), np.nanmean(truth.points[17:], 0))
        transform = found.transform if found else align_landmarks(truth.points)
        faces = [found] if found else []
        for _ in range(VIEWS):
            faces.append(look_again(parser, rgb, shift(transform, rng), rng))
        for face in faces:
            points = affine.apply(face.transform, truth.points)
            if truth.jaw_line is not None:
                points[PARTS["jaw"]] = on_line(face, affine.apply(face.transform, truth.jaw_line), points)
            yield View(truth.image.name, source, store(face), halve(face), points)


def look_again(
    parser: FaceParser, rgb: NDArray[np.uint8], transform: NDArray[np.float64], rng: np.random.Generator
) -> Face:
    """A face as it is parsed in other light and sharpness."""
    size = parser.info.size
    crop = cut_crop(rgb, transform, size).astype(np.float32)
    if rng.random() < 0.5:
        crop = crop * rng.uniform(0.5, 1.5) + rng.uniform(-30, 30)
    if rng.random() < 0.3:
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.5, 2.5))
    if rng.random() < 0.3:
        crop = crop + rng.normal(0, rng.uniform(3, 15), crop.shape)
    if rng.random() < 0.2:
        crop = np.repeat(crop.mean(2, keepdims=True), 3, 2)
    probabilities, _ = drop_islands(parser.predict(crop.clip(0, 255).astype(np.uint8)[None])[0])
    inside = find_inside(rgb.shape, transform, probabilities.shape[1])
    return Face((0, 0, 1, 1), 1.0, transform, probabilities, inside, probabilities)


def shift(transform: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """An alignment that is a little off."""
    angle, scale = rng.normal(0, np.radians(5)), np.exp(rng.normal(0, 0.05))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return affine.compose(np.column_stack([turn, MIDDLE - turn @ MIDDLE + rng.normal(0, 0.02, 2)]), transform)


def on_line(face: Face, line: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the true line of the jaw is nearest to the points of the contour: (17, 2) fractions; the chin is kept."""
    contours = read_contours(face)
    jaw = slice(PARTS["jaw"].start, PARTS["jaw"].stop)
    dense = sample_arc(line, np.linspace(0, 1, 400))
    read = (contours.points[jaw] + 0.5) / contours.reader.size
    nearest = dense[np.linalg.norm(read[:, None] - dense, axis=2).argmin(1)]
    nearest[~contours.seen[jaw]] = np.nan
    nearest[8] = points[8]
    return nearest


def store(face: Face) -> NDArray[np.float16]:
    """The region probabilities of a face as they are kept for training."""
    layers = [cv2.resize(layer, (STORED, STORED), interpolation=cv2.INTER_AREA) for layer in face.probabilities]
    return np.stack(layers).astype(np.float16)


def halve(face: Face) -> Face:
    """A face whose probabilities take half of the memory."""
    return replace(face, probabilities=face.probabilities.astype(np.float16), context=np.empty(0, np.float32))


def train(views: list[View], seed: int) -> LandmarkNet:
    """Train a network."""
    device = pick_device("auto")
    precision = pick_precision(device)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    counts = Counter(view.source for view in views)
    chance = np.array([SHARES[view.source] / counts[view.source] for view in views])
    regions = torch.from_numpy(np.stack([view.regions for view in views]))
    truth = torch.from_numpy(np.stack([view.truth for view in views])).float()
    network = LandmarkNet().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS, pct_start=0.1)
    for _ in track(range(STEPS), f"Training {seed + 1}/{FOLDS + 1}"):
        chosen = rng.choice(len(views), BATCH, p=chance / chance.sum())
        x, goal = (each.to(device) for each in augment(regions[chosen].float(), truth[chosen], rng))
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            found, log_error = network(x.contiguous(memory_format=torch.channels_last))
        known = torch.isfinite(goal[..., 0])
        error = (found - goal.nan_to_num()).norm(dim=2)
        log_error = log_error.clamp(-7, 0)
        distance = functional.smooth_l1_loss(100 * error, torch.zeros_like(error), reduction="none")
        likelihood = error.detach() * torch.exp(-log_error) + log_error
        loss = (distance + 0.1 * likelihood)[known].mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        schedule.step()
    return network.eval().cpu()


def augment(regions: Tensor, truth: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Turn, scale, shift, flip and cover faces: (N, 19, SIDE, SIDE) and their points."""
    count = len(regions)
    angle = torch.from_numpy(rng.normal(0, np.radians(9), count)).float()
    scale = torch.from_numpy(np.exp(rng.normal(0, 0.08, count))).float()
    move = torch.from_numpy(rng.normal(0, 0.025, (count, 2))).float()
    cos, sin = scale * angle.cos(), scale * angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    truth = torch.einsum("nij,npj->npi", turn, truth - 0.5) + 0.5 + move[:, None]
    back = torch.inverse(turn)
    offset = -2 * torch.einsum("nij,nj->ni", back, move)
    grid = functional.affine_grid(torch.cat([back, offset[..., None]], 2), [count, 1, SIDE, SIDE], align_corners=False)
    regions = functional.grid_sample(regions, grid, align_corners=False)
    regions[:, 0] += (1 - regions.sum(1)).clamp(min=0)
    for i in range(count):
        if rng.random() < 0.3:
            width, height = rng.integers(SIDE // 10, 2 * SIDE // 5, 2)
            x, y = rng.integers(0, SIDE - width), rng.integers(0, SIDE - height)
            regions[i, :, y : y + height, x : x + width] = 0
            regions[i, rng.choice(COVERS), y : y + height, x : x + width] = 1
        if rng.random() < 0.5:
            regions[i] = regions[i, list(classes.MIRRORED)].flip(2)
            truth[i] = truth[i, list(MIRRORED_POINTS)] * torch.tensor([-1, 1]) + torch.tensor([1, 0])
    return regions, truth


def examine(network: LandmarkNet, view: View) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The features of the points of a face whose place is known, and whether they are near it."""
    face = replace(view.face, probabilities=view.face.probabilities.astype(np.float32))

    @torch.inference_mode()
    def look(regions: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return [each.numpy() for each in TwoLooks(network)(torch.from_numpy(regions))]

    found = locate(look, face.probabilities)
    contours = read_contours(face)
    truth = view.truth * contours.reader.size - 0.5
    known = np.isfinite(truth[:, 0])
    if view.source == "frl/train":
        known[PARTS["jaw"]] = False  # of those only the line is known, not where on it
    errors = measure_points(merge(contours, found), np.zeros(POINTS), truth, None, "interocular")
    return describe(contours, found)[known], errors.near[known] > 0


def calibrate(features: NDArray[np.float64], near: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The coefficients of the logistic regression, with a slight preference for small ones."""

    def cost(coefficients: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = features @ coefficients
        value = (np.logaddexp(0, logits) - near * logits).mean() + 1e-4 * coefficients @ coefficients
        return value, features.T @ (expit(logits) - near) / len(near) + 2e-4 * coefficients

    return minimize(cost, np.zeros(features.shape[1]), jac=True).x


if __name__ == "__main__":
    main(Path(sys.argv[1]))
