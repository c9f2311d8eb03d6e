"""Whether landmarks behind a hand are told as hidden, with and without looking for hands.

    python bench/hidden.py SPLIT [PART]

SPLIT is what ``recipes/split.py`` wrote, PART is test (the default) or val. Hands of ``hands``, cut out by the masks of
their labelled points, are laid over the faces of ``landmarks_300w``; which points they hide is then known. Faces and
hands are found as always. The last line is what the confidence of a point behind a hand that was found is to be
multiplied with, for it to be the share of such points that are near; `facelm.hands.before` has that of val.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import facelm
from facelm.hands.before import hide_landmarks
from facelm.hands.masks import fill_hand
from facelm.landmarks.find import Landmarks
from facelm.pictures import affine

SETS = ("real", "sign", "subhih")  # whose hands are large
NEAR = 0.05  # of the inter-ocular distance


def read_hands(folder: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.float64]]]:
    """Pictures of hands, and their points (21, 2)."""
    hands = []
    for name, entry in json.loads((folder / "hands.json").read_text()).items():
        if name.startswith(SETS) and len(entry["hands"]) == 1:
            points = np.array(entry["hands"][0]["points"])[:, :2]
            hands.append((facelm.read(folder / "images" / name), points))
    return hands


def lay_over(
    rgb: NDArray[np.uint8],
    face: NDArray[np.float64],
    hand: tuple[NDArray[np.uint8], NDArray[np.float64]],
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A hand of about the face's height over a part of it, and where it is."""
    height = float(np.ptp(face[:, 1]))
    size = rng.uniform(0.9, 1.4) * height / np.ptp(hand[1], axis=0).max()
    angle = rng.uniform(-np.pi, np.pi)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    place = face[rng.integers(len(face))]
    matrix = np.column_stack([turn, place - turn @ hand[1][rng.integers(21)]])
    mask = np.zeros(rgb.shape[:2], np.uint8)
    fill_hand(mask, affine.apply(matrix, hand[1]), 1)
    moved = cv2.warpAffine(hand[0], matrix, rgb.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)[..., None]
    return (rgb * (1 - soft) + moved * soft).astype(np.uint8), mask.view(np.bool_)


def main() -> None:
    """Lay hands over faces, look twice, print a table."""
    split, part = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "test"
    hands = read_hands(split / "hands" / part)
    folder = split / "landmarks_300w" / part
    truth = json.loads((folder / "landmarks68.json").read_text())
    parser, finder, rng = facelm.FaceParser("lite", "cpu"), facelm.HandFinder(), np.random.default_rng(0)
    rows: dict[str, list[NDArray[np.float64]]] = {"without": [], "with --hands": []}
    found_hands = faces = 0
    paths = sorted((folder / "images").iterdir())
    for path in paths:
        true = np.array(truth[path.name])
        rgb, over = lay_over(facelm.read(path), true, hands[rng.integers(len(hands))], rng)
        columns, rows_ = np.rint(true).astype(int).T
        hidden = over[rows_.clip(0, len(over) - 1), columns.clip(0, over.shape[1] - 1)]
        parsed = parser.parse(rgb)
        if not parsed:
            continue
        found = [facelm.find_landmarks(face) for face in parsed]
        best = min(range(len(found)), key=lambda at: np.linalg.norm(found[at].points - true))
        seen = finder.find(rgb)
        faces, found_hands = faces + 1, found_hands + bool(seen)
        near = np.linalg.norm(found[best].points - true, axis=1) < NEAR * np.linalg.norm(true[45] - true[36])
        both: tuple[Landmarks, Landmarks] = (found[best], hide_landmarks(parsed, found, seen)[best])
        for cells, each in zip(rows.values(), both, strict=True):
            cells.append(np.stack([hidden, each.visible, each.confidence, near], 1))
    table = Table(
        "", "hidden points told as hidden", "others told as hidden", "confidence of hidden ones", "of them near"
    )
    for name, cells in rows.items():
        hidden, visible, confidence, near = np.concatenate(cells).T
        there = hidden > 0
        numbers = (1 - visible[there].mean(), 1 - visible[~there].mean(), confidence[there].mean(), near[there].mean())
        table.add_row(name, *(f"{number:.3f}" for number in numbers))
    Console(width=130).print(table)
    print(f"{faces} of {len(paths)} faces found, with a hand in {found_hands}")
    before, after = (np.concatenate(cells) for cells in rows.values())
    behind = after[:, 2] < before[:, 2]
    told, true = before[behind, 2].mean(), before[behind, 3].mean()
    print(
        f"{behind.sum()} points behind a hand that was found: confidence {told:.3f}, near {true:.3f}: {true / told:.2f}"
    )


if __name__ == "__main__":
    main()
