"""Trains the network that reads hands: ``facelm/hands/hand_net.onnx``.

    python recipes/hand_net.py SPLIT RUN

SPLIT is what ``recipes/split.py`` wrote, RUN a folder for checkpoints: run again, the training goes on from the last
one. Confidence is calibrated on the validation hands. 576,000 samples of 128 px take about an hour and twenty
minutes on one CPU core with bfloat16.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import logistic
import numpy as np
import torch
import training
from hand_samples import Hand, Sample, SampleMaker, cut, read_hands, read_places
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from training import Plan

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


def stack(samples: list[Sample]) -> list[Tensor]:
    """Pictures (B, 3, S, S), points (B, 21, 3) and whether it is a right hand (B,)."""
    rgb = np.ascontiguousarray(np.stack([each.rgb for each in samples]).transpose(0, 3, 1, 2))
    points = np.stack([each.points for each in samples]).astype(np.float32)
    return [torch.from_numpy(each) for each in (rgb, points, np.float32([each.right for each in samples]))]


def measure_loss(
    found: tuple[Tensor, Tensor, Tensor], points: Tensor, right: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Distance of points in the picture and in depth, likelihood of the distance, and of hand and side."""
    places, log_error, hand = (each.float() for each in found)
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
    loss = loss + SIDE_WEIGHT * functional.binary_cross_entropy_with_logits(hand[sided, 1], right[sided])
    return loss, {"loss": loss.item()}


def train(split: Path, run: Path) -> HandNet:
    """Train, or go on; the moving average of the weights is what comes out."""

    def open_data() -> Callable[[int], list[Tensor]]:
        maker = SampleMaker(read_hands(split / "hands/train"), read_places(split, PORTRAITS))
        return lambda step: stack([maker.make((step, each)) for each in range(BATCH)])

    torch.manual_seed(0)
    network = HandNet().to(memory_format=torch.channels_last).train()
    plan = Plan(STEPS, RATE, LAST, WARM, DECAY, AVERAGE, STEPS_TO_SAVE)
    training.train(network, list(network.parameters()), plan, run / "hand.pt", open_data, network, measure_loss)
    return network


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
    return logistic.fit(np.column_stack([expected.ravel(), np.ones(expected.size)]), (errors < NEAR).ravel())


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
