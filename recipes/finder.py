"""Trains the network that finds faces: ``facelm/finding/finder.onnx``.

    python recipes/finder.py SPLIT RUN

SPLIT is what ``recipes/split.py`` wrote; only its training folders are learned from. RUN is a folder for checkpoints:
run again, the training goes on from the last one. In a second stage faces that the first missed, and places that it
took for faces, are seen more often. In a third it learns hands, of which faces are an example of what is none; what it
knows of faces stays as it is. At the end scores are calibrated on the validation photographs. All of it, 390,000
samples of 256 px, takes about an hour and a quarter on two CPU cores with bfloat16.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import logistic
import numpy as np
import torch
import training
from finder_data import Example, as_handless, read_hands, read_landmarked, read_photos, read_places, read_portraits
from finder_loss import Truth, finder_loss, make_cells
from finder_samples import Sample, SampleMaker
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor
from training import Plan

from facelm.finding import finder
from facelm.finding.finder import Finder, logit
from facelm.training.finder_net import FinderNet, save_finder

SIDE, BATCH, WARM, DECAY, LAST = 256, 32, 300, 0.02, 0.02
STAGES = ((6500, 2e-3), (3000, 1e-3), (2800, 2e-3))
"""Steps and learning rate of the three stages; at the end of each the rate is a fiftieth of that."""

HANDS = 2  # the stage of hands

AVERAGE = 0.9995
HARD = 3.0  # how much oftener a face is seen that was not found
STEPS_TO_SAVE = 500
OUT = Path(finder.__file__).with_name("finder.onnx")


def stack(samples: list[Sample]) -> list[Tensor]:
    """The pictures (B, 3, S, S) of samples, and what `Truth` has of them."""
    faces = max(1, *(len(sample.boxes) for sample in samples))
    parts = max(1, *(len(sample.known) for sample in samples))
    boxes, points = np.zeros((BATCH, faces, 4), np.float32), np.full((BATCH, faces, 5, 2), np.nan, np.float32)
    is_face, unsure = np.zeros((BATCH, faces), bool), np.zeros((BATCH, faces), bool)
    known = np.tile(np.float32([0, 0, -1, -1]), (BATCH, parts, 1))
    for at, sample in enumerate(samples):
        count = len(sample.boxes)
        boxes[at, :count], points[at, :count] = sample.boxes, sample.points
        is_face[at, :count], unsure[at, :count] = ~sample.unsure, sample.unsure
        known[at, : len(sample.known)] = sample.known
    rgb = np.ascontiguousarray(np.stack([sample.rgb for sample in samples]).transpose(0, 3, 1, 2))
    return [torch.from_numpy(each) for each in (rgb, boxes, points, is_face, unsure, known)]


def read_training(split: Path, stage: int) -> SampleMaker:
    """All training data of a stage, and how much is made of each."""
    if stage == HANDS:
        return _read_hands(split)
    photos, places = read_photos(split / "photos/train"), read_places(split / "backgrounds/train")
    portraits = read_portraits(split / "celebamask/train")
    if stage:
        portraits += read_portraits(split / "celebamask_more/train")[::3]
        # In a process of its own: OpenVINO's threads would not live on in the loader's workers, which wait for them.
        with get_context("spawn").Pool(1) as pool:
            photos, places = (list(track(pool.imap(mine, some, 16), "mining", len(some))) for some in (photos, places))
    places += [photo for photo in photos if not len(photo.boxes)]
    groups: list[tuple[list[Example], float]] = [
        ([photo for photo in photos if len(photo.boxes)], 0.52),
        (places, 0.14),
        (read_landmarked(split / "landmarks_300w/train"), 0.12),
        (portraits, 0.12),
        (read_landmarked(split / "aflw/train"), 0.06),
        (read_landmarked(split / "facesynthetics/train"), 0.04),
    ]
    return SampleMaker(groups, places, SIDE)


def _read_hands(split: Path) -> SampleMaker:
    places = read_places(split / "backgrounds/train")
    places += [photo for photo in read_photos(split / "photos/train") if photo.complete and not len(photo.boxes)]
    faces = as_handless(read_landmarked(split / "landmarks_300w/train") + read_portraits(split / "celebamask/train"))
    groups = [(read_hands(split / "hands/train"), 0.65), (places, 0.2), (faces, 0.15)]
    return SampleMaker(groups, places, SIDE, hands=True)


def mine(example: Example) -> Example:
    """An example with what the finder, as it is, gets wrong in it."""
    detections = Finder().find(example.rgb, min_score=0.05)
    boxes = np.array([each.box for each in detections]).reshape(-1, 4)
    scores = np.array([each.score for each in detections])
    share = overlap(boxes, example.boxes)
    seen = np.where(share > 0.35, scores[:, None], 0).max(0, initial=0)
    decoys = boxes[(scores > 0.25) & (share.max(1, initial=0) < 0.05)] if example.complete else boxes[:0]
    return replace(example, weights=1 + HARD * (1 - seen), decoys=decoys)


def train(split: Path, run: Path, stage: int, start: FinderNet | None) -> FinderNet:
    """A stage of training, gone on with where it was left; the moving average of the weights is what comes out."""

    def open_data() -> Callable[[int], list[Tensor]]:
        maker = read_training(split, stage)
        return lambda step: stack([maker.make((stage, step, each)) for each in range(BATCH)])

    def lose(raw: Tensor, *truth: Tensor) -> tuple[Tensor, dict[str, float]]:
        return finder_loss(raw, Truth(*truth), *cells)

    steps, highest = STAGES[stage]
    torch.manual_seed(stage)
    network = (start or FinderNet()).to(memory_format=torch.channels_last).eval()
    if stage == HANDS:
        network.hands.load_state_dict(network.faces.state_dict())
    learning = [network.hands] if stage == HANDS else [network.stem, network.faces]
    learned = [weights for part in learning for weights in part.train().parameters()]
    network.stem.requires_grad_(stage != HANDS)
    cells = make_cells(SIDE, SIDE)
    plan = Plan(steps, highest, LAST, WARM, DECAY, AVERAGE, STEPS_TO_SAVE)
    checkpoint = run / f"stage{stage + 1}.pt"
    training.train(network, learned, plan, checkpoint, open_data, lambda rgb: learning[-1](network.see(rgb)), lose)
    return network


def calibrate(photos: list[Example]) -> NDArray[np.float64]:
    """What makes a probability of the logits of both looks: a logistic regression over all that is seen in photos."""
    found = Finder()
    rows, right = [], []
    for photo in photos:
        seen = found.search(photo.rgb)
        near = found.look_again(photo.rgb, seen)
        share, unsure = overlap(near.boxes, photo.boxes), np.zeros(len(near), bool)
        if len(photo.boxes):
            unsure = (share[:, photo.unsure] > 0.2).any(1)
        is_face = (share[:, ~photo.unsure] > 0.35).any(1)
        rows.append(np.column_stack([logit(seen.scores), logit(near.scores)])[~unsure])
        right.append(is_face[~unsure])
    looks, faces = np.concatenate(rows), np.concatenate(right)
    return logistic.fit(np.column_stack([looks, np.ones(len(looks))]), faces)


def overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of boxes (N, 4) and (M, 4): (N, M)."""
    low, high = np.maximum(first[:, None, :2], second[:, :2]), np.minimum(first[:, None, 2:], second[:, 2:])
    both = (high - low).clip(0).prod(2)
    areas = [(each[:, 2:] - each[:, :2]).prod(1) for each in (first, second)]
    return both / np.maximum(areas[0][:, None] + areas[1] - both, 1e-9)


if __name__ == "__main__":
    split, run = Path(sys.argv[1]), Path(sys.argv[2])
    run.mkdir(parents=True, exist_ok=True)
    network = None
    for stage in range(len(STAGES)):
        network = train(split, run, stage, network)
        save_finder(network, (1.0, 1.0, 0.0), OUT)
    calibration = calibrate(read_photos(split / "photos/val"))
    save_finder(network, calibration.tolist(), OUT)
    print("calibration", *calibration.round(3))
