"""Trains the network that finds landmarks in a face's photograph and regions: ``facelm/landmarks/landmark_net.onnx``.

    python recipes/landmark_net.py SPLIT WORK

SPLIT is what ``recipes/split.py`` wrote; its test folders are not read. WORK keeps what was parsed and the state of the
training, which goes on from there when it is run again. The network begins with the finder's weights.

Of 300-W the validation folder, of the other sets every sixth face of the training folder is held out: on these is told
how far the network is, and in the end how sure a point is (``facelm.landmarks.certainty``). Some 1,700 faces are looked
at a hundred and fifty times each, and those of 300-W that look ahead are turned (`landmark_turns`), which takes an
hour or two of one CPU core and is done by one thread.
"""

import copy
import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import logistic
import numpy as np
import onnx
import torch
from landmark_data import Example, collect
from landmark_lids import shut_eyes
from landmark_loss import lose
from landmark_samples import Sample, all_points, make_sample, plain_sample
from landmark_turns import TURNED, turn_face
from numpy.typing import NDArray
from onnx import numpy_helper
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from facelm.finding import finder
from facelm.landmarks import learned
from facelm.landmarks.find import describe, merge
from facelm.landmarks.learned import OUTPUTS, locate
from facelm.landmarks.points import PARTS, POINTS
from facelm.landmarks.reader import ContourReader
from facelm.measuring.evaluate import face_at
from facelm.measuring.metrics import measure_points
from facelm.measuring.truth import find_truths
from facelm.parsing.parser import FaceParser
from facelm.pictures import images
from facelm.training.landmark_net import LandmarkNet, save_landmark_net

SHARES = {"landmarks_300w": 0.6, "aflw": 0.1, "facesynthetics": 0.08, "frl": 0.06, TURNED: 0.16}
TURNS = 2  # of each face that looks ahead
CLOSED, SHUT = 0.1, 0.12  # shares of the faces whose eyes people found closed, and of those that are shut here
CLOSED_SLIT, OPEN = 0.14, 0.18  # heights of a closed eye's slit, and of one that can be shut, in its lengths
SETS = tuple(name for name in SHARES if name != TURNED)
BONE = ("aflw", "facesynthetics")
HELD_OUT_EVERY = 6
STEPS, BATCH, RATE, WARM = 12000, 32, 2e-3, 200
GENTLE = 0.4  # of the samples of the later half are spoilt: bad pictures teach less of good ones
STEADY = 0.998  # of the mean of the weights over the steps
REPORT_EVERY = 250
Group = list[tuple[Example, NDArray[np.float32]]]


def main(split: Path, work: Path) -> None:
    """Collect, train, calibrate, write."""
    parser = FaceParser()
    groups, held_out = [], []
    for name in SETS:
        faces = [(face, all_points(face)) for face in keep(parser, split / name / "train", work)]
        if (split / name / "val").is_dir():
            groups.append(faces)
            held_out += [(face, all_points(face)) for face in keep(parser, split / name / "val", work)]
        else:
            groups.append([face for at, face in enumerate(faces) if at % HELD_OUT_EVERY])
            held_out += faces[::HELD_OUT_EVERY]
    turned = (
        turn_face(face, np.random.default_rng((5, turn, at)))
        for turn in range(TURNS)
        for at, (face, _) in enumerate(groups[0])
    )
    groups.append([(face, all_points(face)) for face in track(list(filter(None, turned)), TURNED)])
    network = train(groups, held_out, work / "state.pt")
    features, near, sources = zip(*examine(parser, network, split), strict=True)
    certainty = calibrate(np.concatenate(features), np.concatenate(near), np.concatenate(sources))
    save_landmark_net(network, certainty, Path(learned.__file__).with_name("landmark_net.onnx"))


def keep(parser: FaceParser, folder: Path, work: Path) -> list[Example]:
    """The faces of a folder, which are kept in a file."""
    path = work / f"{folder.parent.name}_{folder.name}.pickle"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(list(collect(parser, folder))))
    faces: list[Example] = pickle.loads(path.read_bytes())
    return faces


def train(groups: list[Group], held_out: Group, state: Path) -> LandmarkNet:
    """Train the network; the mean of its weights over the last steps is the result."""
    cv2.setNumThreads(1)
    # The network is so small that two threads wait for each other longer than they work.
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = begin().to(memory_format=torch.channels_last)
    mean = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-2)
    parts = {"network": network, "mean": mean, "optimizer": optimizer}
    first = 0
    if state.exists():
        saved = torch.load(state)
        first = saved.pop("step")
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    for step, batch in batches(groups, first):
        share = step / STEPS
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / WARM) * float(0.5 + 0.5 * np.cos(np.pi * share))
        network.train()
        rgb, regions = (each.contiguous(memory_format=torch.channels_last) for each in batch[:2])
        with torch.autocast("cpu", torch.bfloat16):
            told = network(rgb, regions)
        loss = lose(told, *batch[2:], heat_weight=0.5 if share < 0.6 else 0.2)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        average(mean, network, min(STEADY, (step + 1) / (step + 10)))
        if (step + 1) % REPORT_EVERY == 0:
            Console().print(step + 1, round(loss.item(), 3), measure(mean, held_out))
            torch.save({name: part.state_dict() for name, part in parts.items()} | {"step": step + 1}, state)
    return mean


def begin() -> LandmarkNet:
    """The network as it starts: with the finder's weights, and regions that hardly count yet."""
    network = LandmarkNet()
    model = onnx.load(Path(finder.__file__).with_name("finder.onnx"))
    network.borrow({each.name.removesuffix(".half"): numpy_helper.to_array(each) for each in model.graph.initializer})
    later = (
        network.levels[0][1:],
        *(level[2:] for level in network.levels[1:]),
        *(each[1:] for each in network.smooth),
    )
    for block in (block for blocks in later for block in blocks):
        nn.init.zeros_(block.way[2].weight)
    nn.init.zeros_(network.together[2].weight)
    network.regions[1].weight.data *= 0.3
    return network


def batches(groups: list[Group], first: int) -> Iterator[tuple[int, tuple[Tensor, ...]]]:
    """Number and tensors of each batch, made one ahead."""
    every = [face for group in groups for face, _ in group]
    shares = np.array(list(SHARES.values()))
    closed = [each for each in groups[0] if slit(each[0].points) < CLOSED_SLIT]

    def make(step: int) -> tuple[Tensor, ...]:
        rng = np.random.default_rng((7, step))
        samples = []
        for number, at in enumerate(rng.choice(len(groups), BATCH, p=shares)):
            group = closed if at == 0 and rng.random() < CLOSED else groups[at]
            face, points = group[rng.integers(len(group))]
            if face.source not in (*BONE, TURNED) and slit(face.points) > OPEN and rng.random() < SHUT:
                face, points = shut_eyes(face, points, rng)
            samples.append(make_sample(face, points, every, (step, number), 1.0 if step < STEPS / 2 else GENTLE))
        return stack(samples)

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(make, first)
        for step in range(first, STEPS):
            batch, coming = coming.result(), pool.submit(make, step + 1)
            yield step, batch


def slit(points: NDArray[np.float32]) -> float:
    """The height of the slit of the eye that is open less, in its lengths."""
    eyes = points[list(PARTS["right_eye"])], points[list(PARTS["left_eye"])]
    heights = (
        np.linalg.norm(eye[[1, 2]] - eye[[5, 4]], axis=1).mean() / np.linalg.norm(eye[0] - eye[3]) for eye in eyes
    )
    return float(min(heights))


def stack(samples: list[Sample]) -> tuple[Tensor, ...]:
    """RGB, regions, points, lines and what is covered of some samples, float32."""
    names = ("rgb", "regions", "points", "line", "covered")
    rgb, regions, *known = (torch.from_numpy(np.stack([getattr(each, name) for each in samples])) for name in names)
    return rgb.float(), regions.float() / 255, *known


@torch.no_grad()
def average(mean: LandmarkNet, network: LandmarkNet, share: float) -> None:
    """Bring the mean of the weights nearer to those of the network."""
    for ours, theirs in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
        if ours.dtype.is_floating_point:
            ours.lerp_(theirs, 1 - share)
        else:
            ours.copy_(theirs)


@torch.inference_mode()
def measure(network: LandmarkNet, faces: Group) -> dict[str, float]:
    """The error by set, percent of the inter-ocular distance, before contours refine the points."""
    errors: dict[str, list[float]] = {}
    for face, points in faces:
        told = network(*stack([plain_sample(face, points)])[:2])[0][0].numpy() * (1, 0.75) + (0, 0.25)
        bone = face.source in BONE
        found = np.concatenate([told[POINTS:OUTPUTS] if bone else told[:17], told[17:POINTS]])
        off = np.linalg.norm(found - face.points, axis=1) / np.linalg.norm(face.points[36] - face.points[45])
        errors.setdefault(face.source, []).append(float(100 * np.nanmean(off)))
    return {name: round(float(np.mean(values)), 3) for name, values in errors.items()}


def examine(
    parser: FaceParser, network: LandmarkNet, split: Path
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.str_]]]:
    """The features of the points of each held-out face, whether they are near their true places, and the set."""

    @torch.inference_mode()
    def look(rgb: NDArray[np.uint8], regions: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        pixels = torch.from_numpy(rgb).permute(0, 3, 1, 2).float()
        return [each.numpy() for each in network(pixels, torch.from_numpy(regions))[:3]]

    for name in SETS:
        has_val = (split / name / "val").is_dir()
        truths = find_truths(split / name / ("val" if has_val else "train"))
        for truth in track(truths if has_val else truths[::HELD_OUT_EVERY], name):
            face = face_at(parser.parse(images.read(truth.image)), np.nanmean(truth.points[17:], 0))
            if face is None:
                continue
            face = replace(face, context=None)
            found = locate(look, face, "bone" if name in BONE else "outline")
            reader = ContourReader(face)
            reader.read()
            true = (truth.points @ face.to_crop[:, :2].T) + face.to_crop[:, 2]
            known = np.isfinite(true[:, 0])
            if truth.jaw_line is not None:
                known[PARTS["jaw"]] = False  # of those only the line is known, not where on it
            errors = measure_points(merge(reader, found), np.zeros(POINTS), true, None, "interocular")
            yield describe(reader, found, name in BONE)[known], errors.near[known] > 0, np.full(known.sum(), name)


def calibrate(features: NDArray[np.float64], near: NDArray[np.bool_], sources: NDArray[np.str_]) -> NDArray[np.float64]:
    """The coefficients of the certainty; small sets count more."""
    _, at, counts = np.unique(sources, return_inverse=True, return_counts=True)
    return logistic.fit(features, near, counts[at] ** -0.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
