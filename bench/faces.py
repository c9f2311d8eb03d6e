"""Faces found in group photos, and faces seen where nobody is.

    python bench/faces.py DATA [MODEL]

DATA holds ``scenes/`` (images/ and faces.json: boxes, and whether every face has one) and ``backgrounds/`` (photos
without people). A face counts as found when the middle of a box that facelm gives lies in it; a false face is one
that lies in no box of a photo whose boxes are complete, or any in a photo without people.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import facelm

EVERY = 6


def main(data: Path, weights: str) -> None:
    """Count and print."""
    parser = facelm.FaceParser(weights)
    hits = faces = false = 0
    for name, truth in sorted(json.loads((data / "scenes" / "faces.json").read_text()).items()):
        rgb = facelm.read(data / "scenes" / "images" / name)
        started = time.perf_counter()
        found = parser.parse(rgb)
        seconds = time.perf_counter() - started
        middles = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in (face.box for face in found)]
        boxes = truth["boxes_xyxy"]
        met = sum(any(_inside(middle, box) for middle in middles) for box in boxes)
        stray = sum(not any(_inside(middle, box) for box in boxes) for middle in middles) if truth["complete"] else 0
        print(f"{name:24} {met:3} of {len(boxes):3}, {stray} false, {rgb.shape[1]}x{rgb.shape[0]}, {seconds:.2f} s")
        hits, faces, false = hits + met, faces + len(boxes), false + stray
    print(f"group photos: {hits} of {faces} faces found ({hits / faces:.3f}), {false} false")
    empty = sorted((data / "backgrounds").iterdir())[::EVERY]
    seen = [path.name for path in empty if parser.parse(facelm.read(path))]
    print(f"photos without people: a face in {len(seen)} of {len(empty)} {seen}")


def _inside(point: tuple[float, float], box: list[float]) -> bool:
    return box[0] < point[0] < box[2] and box[1] < point[1] < box[3]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "lite")
