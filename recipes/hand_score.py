"""Fits what makes a probability of a hand of what finder and reader say: the constants of ``facelm/hands/find.py``.

    python recipes/hand_score.py SPLIT

SPLIT is what ``recipes/split.py`` wrote. Hands are those of ``hands/val``. What is none is in the same pictures, and in
the photographs without faces of ``photos/train`` and ``photos/val``, from neither of which the hand network learned. No
test picture is looked at. Places that overlap a labelled hand in part count neither way, nor do places of pictures with
hands that nobody labelled. It prints the line for ``find.py``, and of how many places that line is wrong.
"""

import json
import sys
from pathlib import Path

import logistic
import numpy as np
from finder import overlap
from numpy.typing import NDArray

from facelm.finding.finder import Finder, logit
from facelm.hands.reader import align_hand, align_palm, read_hands
from facelm.pictures import images

WORTH_READING = 0.1  # as `facelm.hands.find` has it
HAND, NO_HAND = 0.4, 0.1  # overlap with a labelled hand of what is one, and of what is none
WITH_HANDS = {
    f"no_face_{number:04}.webp" for number in (10, 21, 112, 118, 119, 120, 129, 248, 293, 300, 344, 377, 465)
}  # somebody's, who is not in the photograph otherwise


def see(finder: Finder, rgb: NDArray[np.uint8], true: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Of each place the three numbers that its score is made of, and its overlap with a true hand, of boxes (N, 4)."""
    seen = finder.search(rgb)
    seen = seen[seen.scores > WORTH_READING]
    first = read_hands(rgb, [align_palm(palm, box) for palm, box in zip(seen.points, seen.boxes, strict=True)])
    hands = read_hands(rgb, [align_hand(hand.points) for hand in first])
    boxes = np.array([[*hand.points.min(0), *hand.points.max(0)] for hand in hands]).reshape(-1, 4)
    told = [(found, hand.score, hand.confidence.mean()) for found, hand in zip(seen.scores, hands, strict=True)]
    return np.array(told).reshape(-1, 3), overlap(boxes, true).max(1, initial=0)


def main(split: Path) -> None:
    """Look, fit, print."""
    finder = Finder(what="hands")
    rows, shares = [], []
    for name, entry in json.loads((split / "hands/val/hands.json").read_text()).items():
        points = np.array([hand["points"] for hand in entry["hands"]]).reshape(-1, 21, 3)[..., :2]
        boxes = np.concatenate([points.min(1), points.max(1)], 1)
        told, share = see(finder, images.read(split / "hands/val/images" / name), boxes)
        kept = (share > NO_HAND) | entry["complete"]
        rows.append(told[kept])
        shares.append(share[kept])
    empty = [path for part in ("train", "val") for path in (split / "photos" / part / "images").glob("no_face_*")]
    for path in sorted(path for path in empty if path.name not in WITH_HANDS):
        told, share = see(finder, images.read(path), np.empty((0, 4)))
        rows.append(told)
        shares.append(share)
    odds, share = logit(np.concatenate(rows)), np.concatenate(shares)
    sure = (share > HAND) | (share <= NO_HAND)
    looks, hands = np.column_stack([odds, np.ones(len(odds))])[sure], share[sure] > HAND
    values = logistic.fit(looks, hands)
    print(f"_WEIGHTS, _CONSTANT = np.array([{', '.join(f'{each:.2f}' for each in values[:3])}]), {values[3]:.2f}")
    taken = looks @ values > 0
    print(
        f"{hands.sum()} hands, {(hands & ~taken).sum()} missed; {(~hands).sum()} others, {(~hands & taken).sum()} taken"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
