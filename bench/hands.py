"""Which hands are found, how near their points are, and how long that takes; MediaPipe on the same pictures.

    python bench/hands.py SPLIT [PART] [--peers PYTHON] [--draw FOLDER]

SPLIT is what ``recipes/split.py`` wrote, PART is test (the default) or val. PYTHON is the interpreter of an environment
with ``mediapipe==0.10.14``, whose full models then look at the same pictures; of all sets but ``real``, the points that
count as true are those of another version of these models. FOLDER gets the pictures with what facelm found in them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEAR = 0.1  # of the longer side of a hand's box
SAME = 0.3  # overlap of the boxes of two hands that are one
SURE = 0.3  # how far from a half the probability of a right hand is where its side counts as known
ROUNDS = 30
EMPTY = {"test": "backgrounds/test/images/*", "val": "photos/val/images/no_face_*"}
"""Photographs without people; in two of val somebody's hands hold an animal."""


@dataclass(frozen=True, eq=False)
class Found:
    """A hand as one of the two found it: points (21, 2), and whether it is the subject's right one."""

    points: NDArray[np.float64]
    right: bool


Detect = Callable[[NDArray[np.uint8]], list[Found]]


def facelm_hands() -> Detect:
    """The shipped one."""
    from facelm.hands.find import HandFinder

    finder = HandFinder()
    return lambda rgb: [Found(hand.points, hand.side == "right") for hand in finder.find(rgb)]


def mediapipe_hands() -> Detect:
    """Of MediaPipe, which takes pictures for mirrored ones, as selfies are."""
    import mediapipe

    solution = mediapipe.solutions.hands.Hands(static_image_mode=True, max_num_hands=4, model_complexity=1)

    def detect(rgb: NDArray[np.uint8]) -> list[Found]:
        seen = solution.process(rgb)
        size = rgb.shape[1::-1]
        return [
            Found(
                np.array([(point.x, point.y) for point in hand.landmark]) * size - 0.5,
                side.classification[0].label == "Left",
            )
            for hand, side in zip(seen.multi_hand_landmarks or (), seen.multi_handedness or (), strict=True)
        ]

    return detect


@dataclass(frozen=True, eq=False)
class Hand:
    """What became of a true hand: its set, the errors of its points in sides of its box, and whether its side is right.

    Errors are None where it was not found, the side where it is not known.
    """

    origin: str
    errors: NDArray[np.float64] | None
    side: bool | None


def bound(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The box x0, y0, x1, y1 of points."""
    return np.concatenate([points.min(0), points.max(0)])


def overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Intersection over union of the boxes of two hands."""
    (low, high), (start, end) = (np.split(bound(points), 2) for points in (first, second))
    both = (np.minimum(high, end) - np.maximum(low, start)).clip(0).prod()
    return float(both / max((high - low).prod() + (end - start).prod() - both, 1e-9))


def compare(name: str, entry: dict[str, Any], found: Sequence[Found]) -> tuple[list[Hand], int]:
    """Pair hands that were found with the true ones; and how many are false, where all true ones are known."""
    rest, hands = list(found), []
    for true in entry["hands"]:
        points = np.array(true["points"])[:, :2]
        best = max(rest, key=lambda each: overlap(points, each.points), default=None)
        if best is None or overlap(points, best.points) < SAME:
            hands.append(Hand(name.partition("_")[0], None, None))
            continue
        rest.remove(best)
        side = float(np.ptp(points, axis=0).max())
        right = true.get("right", 0.5)
        known = abs(right - 0.5) > SURE
        errors = np.linalg.norm(best.points - points, axis=1) / side
        hands.append(Hand(name.partition("_")[0], errors, (right > 0.5) == best.right if known else None))
    return hands, len(rest) if entry["complete"] else 0


def look(detect: Detect, split: Path, part: str) -> tuple[dict[str, list[Found]], list[int], float]:
    """What is found in the pictures of hands, how many in each of those without people, milliseconds for one hand."""
    folder = split / "hands" / part / "images"
    found = {path.name: detect(read(path)) for path in sorted(folder.iterdir())}
    empty = [len(detect(read(path))) for path in sorted(split.glob(EMPTY[part]))]
    single = [name for name, hands in found.items() if len(hands) == 1 and name.startswith("real_")][:5]
    times = [clock(detect, read(folder / name)) for name in single]
    return found, empty, median(times) if times else float("nan")


def clock(detect: Detect, rgb: NDArray[np.uint8]) -> float:
    """Milliseconds, the median of many looks."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        detect(rgb)
        times.append(1e3 * (time.perf_counter() - begun))
    return median(times)


def read(path: Path) -> NDArray[np.uint8]:
    """A picture; without facelm, which the other environment lacks."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def draw(split: Path, part: str, out: Path) -> None:
    """Write the pictures with what facelm finds in them."""
    from facelm.hands.find import HandFinder
    from facelm.pictures import images
    from facelm.results.overlay import draw_hands

    finder = HandFinder()
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted((split / "hands" / part / "images").iterdir()):
        rgb = images.read(path)
        images.write_jpeg(out / f"{path.stem}.jpg", draw_hands(rgb, finder.find(rgb)))


def rows(truth: dict[str, Any], found: dict[str, list[Found]]) -> dict[str, list[str]]:
    """The cells of each set, and of all."""
    compared = [compare(name, entry, found[name]) for name, entry in truth.items()]
    hands = [hand for each, _ in compared for hand in each]
    false = {name: extra for name, (_, extra) in zip(truth, compared, strict=True)}
    cells = {}
    for origin in [*dict.fromkeys(hand.origin for hand in hands), "all"]:
        some = [hand for hand in hands if origin in (hand.origin, "all")]
        errors = np.array([hand.errors for hand in some if hand.errors is not None])
        sides = [hand.side for hand in some if hand.side is not None]
        extra = sum(count for name, count in false.items() if origin in (name.partition("_")[0], "all"))
        cells[origin] = [
            f"{len(errors) / len(some):.3f} of {len(some)}",
            f"{(errors < NEAR).mean():.3f}" if len(errors) else "-",
            f"{100 * errors.mean():.1f}" if len(errors) else "-",
            f"{np.mean(sides):.3f} of {len(sides)}" if sides else "-",
            str(extra),
        ]
    return cells


def main() -> None:
    """Look at everything, print a table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("split", type=Path)
    arguments.add_argument("part", nargs="?", default="test", choices=("test", "val"))
    arguments.add_argument("--peers", metavar="PYTHON")
    arguments.add_argument("--draw", metavar="FOLDER", type=Path)
    arguments.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.worker:
        found, empty, took = look(mediapipe_hands(), given.split, given.part)
        plain = {name: [(hand.points.tolist(), hand.right) for hand in hands] for name, hands in found.items()}
        print(json.dumps([plain, empty, took]))
        return
    from rich.console import Console
    from rich.table import Table

    truth = json.loads((given.split / "hands" / given.part / "hands.json").read_text())
    results = {"facelm": look(facelm_hands(), given.split, given.part)}
    if given.peers:
        command = [given.peers, __file__, str(given.split), given.part, "--worker"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        plain, empty, took = json.loads(done.stdout)
        found = {name: [Found(np.array(points), right) for points, right in hands] for name, hands in plain.items()}
        results["MediaPipe"] = found, empty, took
    table = Table("", "set", "found", f"PCK at {NEAR}", "mean error, %", "side right", "false beside them")
    for who, (found, _, _) in results.items():
        for origin, cells in rows(truth, found).items():
            table.add_row(who, origin, *cells)
    others = Table("", "hands claimed in pictures without people", "one hand, found and read, ms")
    for who, (_, empty, took) in results.items():
        others.add_row(who, f"{sum(empty)} in {len(empty)}", f"{took:.1f}")
    for each in (table, others):
        Console(width=130).print(each)
    if given.draw:
        draw(given.split, given.part, given.draw)


if __name__ == "__main__":
    main()
