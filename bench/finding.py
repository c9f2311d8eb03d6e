"""Which faces are found, of everyday photographs and of other pictures, and how long that takes.

    python bench/finding.py SPLIT [PART] [--peers PYTHON]

SPLIT is what ``recipes/split.py`` wrote, PART is test (the default) or val. PYTHON is the interpreter of an environment
with ``dlib-bin``, whose frontal face detector then looks at the same photographs, enlarged twice.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

Box = tuple[float, float, float, float]
Detect = Callable[[NDArray[np.uint8]], list[Box]]
SIZES = (("24 px and more", 24, 1e9), ("over 48 px", 48, 1e9), ("24 to 48 px", 24, 48), ("16 to 24 px", 16, 24))


@dataclass(frozen=True)
class Outcome:
    """What became of a photograph: the true faces' sides with whether they were found, and faces that are none."""

    faces: list[tuple[float, bool]]
    false: int


def compare(found: Sequence[Box], entry: dict[str, list[Box]]) -> Outcome:
    """Pair what was found with the truth; faces in doubt count neither way."""
    from facelm.measuring.metrics import match_faces

    true = entry["boxes_xyxy"]
    pairs = match_faces(found, true)
    hit = {at for _, at in pairs}
    rest = [found[at] for at in range(len(found)) if at not in {first for first, _ in pairs}]
    doubtful = {first for first, _ in match_faces(rest, entry["unsure_xyxy"])} if rest else set()
    sides = [float(np.sqrt((x1 - x0) * (y1 - y0))) for x0, y0, x1, y1 in true]
    return Outcome([(side, at in hit) for at, side in enumerate(sides)], len(rest) - len(doubtful))


def report(name: str, outcomes: dict[str, Outcome], table: Table) -> None:
    """A row: recall by size, false faces among people, and where nobody is."""
    faces = [face for outcome in outcomes.values() for face in outcome.faces]
    cells = []
    for _, low, high in SIZES:
        hits = [hit for side, hit in faces if low <= side < high]
        cells.append(f"{np.mean(hits):.3f} of {len(hits)}")
    empty = [outcome.false for picture, outcome in outcomes.items() if picture.startswith("no_face_")]
    people = [outcome.false for picture, outcome in outcomes.items() if not picture.startswith("no_face_")]
    table.add_row(name, *cells, f"{sum(people)} in {len(people)}", f"{sum(empty)} in {len(empty)}")


def missed(detect: Detect, folder: Path) -> str:
    """Of the pictures of a folder that show one face in their middle, how many have none found."""
    paths = sorted((folder / "images").iterdir())
    return f"{sum(not detect(read(path)) for path in paths)} of {len(paths)}"


def read(path: Path) -> NDArray[np.uint8]:
    """A picture, upright."""
    from facelm.pictures import images

    return images.read(path)


def clock(detect: Detect, rgb: NDArray[np.uint8]) -> float:
    """Milliseconds, the median of many runs."""
    times = []
    for _ in range(30):
        begun = time.perf_counter()
        detect(rgb)
        times.append(1e3 * (time.perf_counter() - begun))
    return median(times)


def make_group(portraits: Sequence[Path]) -> NDArray[np.uint8]:
    """A picture of 1600 pixels with 25 faces."""
    tiles = [cv2.resize(read(path), (320, 240), interpolation=cv2.INTER_AREA) for path in portraits[:25]]
    return np.vstack([np.hstack(tiles[at : at + 5]) for at in range(0, 25, 5)])


def run_dlib(folder: Path) -> None:
    """Boxes of dlib for each picture of a folder, as JSON on standard output; runs in an environment of its own."""
    import dlib

    detect = dlib.get_frontal_face_detector()
    boxes = {}
    for path in sorted((folder / "images").iterdir()):
        found = detect(cv2.imread(str(path))[..., ::-1].copy(), 1)
        boxes[path.name] = [(each.left(), each.top(), each.right(), each.bottom()) for each in found]
    print(json.dumps(boxes))


def main() -> None:
    """Look at everything, print two tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("split", type=Path)
    arguments.add_argument("part", nargs="?", default="test", choices=("test", "val"))
    arguments.add_argument("--peers", metavar="PYTHON")
    arguments.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    folder = given.split / "photos" / given.part
    if given.worker:
        run_dlib(folder)
        return
    from facelm.parsing.parser import FaceParser

    parser = FaceParser("lite", "cpu")

    def detect(rgb: NDArray[np.uint8]) -> list[Box]:
        return [face.box for face in parser.parse(rgb)]

    truth = json.loads((folder / "faces.json").read_text())
    table = Table("photographs", *(name for name, _, _ in SIZES), "false among people", "false where nobody is")
    outcomes = {name: compare(detect(read(folder / "images" / name)), entry) for name, entry in truth.items()}
    report("facelm", outcomes, table)
    if given.peers:
        command = [given.peers, __file__, str(given.split), given.part, "--worker"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        report("dlib", {name: compare(found[name], entry) for name, entry in truth.items()}, table)
    console = Console(width=160)
    console.print(table)
    others = Table("pictures", "")
    for name in ("landmarks_300w", "aflw", "facesynthetics", "frl", "celebamask", "celebamask_more", "fasseg"):
        if (given.split / name / given.part).is_dir():
            others.add_row(f"{name}: without a face found", missed(detect, given.split / name / given.part))
    backgrounds = given.split / "backgrounds" / given.part
    if backgrounds.is_dir():
        found_there = [len(detect(read(path))) for path in sorted((backgrounds / "images").iterdir())]
        others.add_row("photos without people: faces found", f"{sum(found_there)} in {len(found_there)}")
    portraits = sorted((given.split / "celebamask/test/images").iterdir())
    find = parser.finder.find
    others.add_row("finding the face of a portrait", f"{clock(find, read(portraits[0])):.1f} ms")
    others.add_row("finding 25 faces in 1600 px", f"{clock(find, make_group(portraits)):.1f} ms")
    console.print(others)


if __name__ == "__main__":
    main()
