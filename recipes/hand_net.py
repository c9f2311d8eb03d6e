"""Trains the network that reads hands: ``facelm/hands/hand_net.onnx``.

    python recipes/hand_net.py SPLIT RUN

SPLIT is what ``recipes/split.py`` wrote, RUN a folder for checkpoints: run again, the training goes on from the last
one. Confidence is calibrated on the validation hands. 576,000 samples of 128 px take about an hour and twenty
minutes on one CPU core with bfloat16.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from hand_samples import Hand, Sample, SampleMaker, cut, read_hands, read_places
from numpy.typing import NDArray
from rich.progress import Progress
from scipy.optimize import minimize
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from facelm.engines.devices import pick_precision
from facelm.hands import reader
from facelm.hands.reader import align_hand
from facelm.pictures import affine
from facelm.training.hand_net import HandNet, save_hand_net

STEPS, BATCH, RATE, WARM, DECAY, LAST = 9000, 64, 2e-3, 200, 0.02, 0.01
PORTRAITS = 500
AVERAGE = 0.998
DEPTH_WEIGHT, LIKELIHOOD_WEIGHT, HAND_WEIGHT, SIDE_WEIGHT = 0.1, 0.1, 0.3, 0.6
STEPS_TO_SAVE = 250
NEAR = 0.1  # of the longer side of the hand, within which a point is right
OUT = Path(reader.__file__).with_name("hand_net.onnx")


class Batches(Dataset[list[Tensor]]):
    """Batches of samples, the same for each number."""

    def __init__(self, maker: SampleMaker, first: int) -> None:
        self.maker, self.first = maker, first

    def __len__(self) -> int:
        return STEPS - self.first

    def __getitem__(self, number: int) -> list[Tensor]:
        cv2.setNumThreads(1)
        return stack([self.maker.make((self.first + number, each)) for each in range(BATCH)])


def stack(samples: list[Sample]) -> list[Tensor]:
    """Pictures (B, 3, S, S), points (B, 21, 3) and whether it is a right hand (B,)."""
    rgb = np.ascontiguousarray(np.stack([each.rgb for each in samples]).transpose(0, 3, 1, 2))
    points = np.stack([each.points for each in samples]).astype(np.float32)
    return [torch.from_numpy(each) for each in (rgb, points, np.float32([each.right for each in samples]))]


def measure_loss(found: tuple[Tensor, Tensor, Tensor], points: Tensor, right: Tensor) -> Tensor:
    """Distance of points in the picture and in depth, likelihood of the distance, and of hand and side."""
    places, log_error, hand = found
    there = points[:, 0, 0].isfinite()
    seen = (points[..., :2] > 0).all(2) & (points[..., :2] < 1).all(2) & there[:, None]
    away = (places - points.nan_to_num())[there]
    seen = seen[there].float()
    error = away[..., :2].norm(dim=2)
    # Points that the crop cuts off are learned too, but less.
    weight = 0.2 + 0.8 * seen
    flat = functional.smooth_l1_loss(100 * error, torch.zeros_like(error), reduction="none")
    depth = functional.smooth_l1_loss(100 * away[..., 2], torch.zeros_like(error), reduction="none")
    log_error = log_error[there].clamp(-7, 0)
    likelihood = error.detach() * torch.exp(-log_error) + log_error
    loss = ((flat + DEPTH_WEIGHT * depth + LIKELIHOOD_WEIGHT * likelihood) * weight).sum() / weight.sum()
    loss = loss + HAND_WEIGHT * functional.binary_cross_entropy_with_logits(hand[:, 0], there.float())
    sided = right.isfinite()
    return loss + SIDE_WEIGHT * functional.binary_cross_entropy_with_logits(hand[sided, 1], right[sided])


def train(split: Path, run: Path) -> HandNet:
    """Train, or go on; the moving average of the weights is what comes out."""
    torch.manual_seed(0)
    network = HandNet().to(memory_format=torch.channels_last).train()
    heavy = [each for each in network.parameters() if each.ndim > 1]
    rest = [each for each in network.parameters() if each.ndim < 2]
    optimizer = torch.optim.AdamW([{"params": heavy, "weight_decay": DECAY}, {"params": rest, "weight_decay": 0}])
    average = {name: values.clone() for name, values in network.state_dict().items()}
    done, checkpoint = 0, run / "hand.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        average, done = state["average"], state["done"]
    precision = pick_precision(torch.device("cpu"))
    maker = SampleMaker(read_hands(split / "hands/train"), read_places(split, PORTRAITS))
    with Progress() as progress:
        bar = progress.add_task("steps", total=STEPS, completed=done)
        for rgb, points, right in DataLoader(Batches(maker, done), batch_size=None, num_workers=2, prefetch_factor=4):
            for group in optimizer.param_groups:
                rate = RATE * (LAST + (1 - LAST) * 0.5 * float(1 + np.cos(np.pi * done / STEPS)))
                group["lr"] = rate * min(1.0, (done + 1) / WARM)
            with torch.autocast("cpu", precision):
                found = network(rgb.float().contiguous(memory_format=torch.channels_last))
            loss = measure_loss(tuple(each.float() for each in found), points, right)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            done += 1
            keep = min(AVERAGE, (1 + done) / (20 + done))
            for name, values in network.state_dict().items():
                average[name] = (
                    torch.lerp(values, average[name], keep) if values.is_floating_point() else values.clone()
                )
            progress.update(bar, advance=1, description=f"loss {loss.item():.3f}")
            if done % STEPS_TO_SAVE == 0 or done == STEPS:
                state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
                torch.save(state | {"average": average, "done": done}, run / "new.pt")
                (run / "new.pt").replace(checkpoint)
    network.load_state_dict(average)
    return network.to(memory_format=torch.contiguous_format).eval()


@torch.inference_mode()
def measure(network: HandNet, hands: list[Hand]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Errors (N, 21) in longer sides of the hands, what the network expected, and which sides were right."""
    errors, expected, sides = [], [], []
    for hand in hands:
        transform = align_hand(hand.points[:, :2])
        rgb = torch.from_numpy(cut(hand.rgb, transform).transpose(2, 0, 1)[None].copy()).float()
        places, log_error, seen = network(rgb)
        found = affine.apply(affine.invert(transform), places[0, :, :2].numpy().astype(float))
        true = hand.points[:, :2]
        errors.append(np.linalg.norm(found - true, axis=1) / np.ptp(true, axis=0).max())
        expected.append(log_error[0].numpy().astype(float))
        if np.isfinite(hand.right):
            sides.append((float(seen[0, 1]) > 0) == (hand.right > 0.5))
    return np.array(errors), np.array(expected), np.array(sides)


def calibrate(errors: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """What makes the probability that a point is right of the error that is expected."""
    near, log_error = (errors < NEAR).ravel(), expected.ravel()

    def cost(values: NDArray[np.float64]) -> float:
        logits = values[0] * log_error + values[1]
        return float((np.logaddexp(0, logits) - near * logits).mean() + 1e-4 * (values**2).sum())

    return minimize(cost, [-1.0, -2.0], method="Nelder-Mead").x


if __name__ == "__main__":
    split, run = Path(sys.argv[1]), Path(sys.argv[2])
    run.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)  # the loader's workers, forks of this process, would wait for OpenCV's threads for ever
    network = train(split, run)
    held_out = read_hands(split / "hands/val")
    errors, expected, sides = measure(network, held_out)
    save_hand_net(network, calibrate(errors, expected).tolist(), OUT)
    measured = np.array([hand.measured for hand in held_out])
    for name, some in (("measured", measured), ("teacher's", ~measured)):
        print(f"{name}: PCK {(errors[some] < NEAR).mean():.3f}, mean error {100 * errors[some].mean():.1f} %")
    print(f"side right {sides.mean():.3f}")
