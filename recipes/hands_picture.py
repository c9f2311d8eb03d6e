"""Draws docs/hands.jpg: drawn hands on both sides of a portrait, and what facelm finds of all three.

python recipes/hands_picture.py
"""

import sys
from pathlib import Path

import cv2
import numpy as np

import facelm
from facelm.classes import HAND
from facelm.hands.masks import paste_hands
from facelm.pictures import images
from facelm.results.overlay import draw_hands, draw_landmarks

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from drawn_hands import SIZE, VICTORY, draw_hand  # noqa: E402

SCALE = 1.6
SURE = 0.8  # the tip of the drawn little finger is told as a small face with a score of 0.61


def main() -> None:
    """Draw and write."""
    portrait = facelm.read(ROOT / "sample_images/person.jpg")[0:260, 95:355]
    portrait = cv2.resize(portrait, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    rgb = np.hstack([draw_hand(), portrait, draw_hand(VICTORY)[:, ::-1]])
    rgb = cv2.resize(rgb, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    hands = facelm.HandFinder().find(rgb)
    marks = [facelm.find_landmarks(face) for face in facelm.FaceParser("lite", min_score=SURE).parse(rgb)]
    there = paste_hands(hands, *rgb.shape[:2]) > 0
    shown = np.where(there[..., None], (0.6 * rgb + 0.4 * np.array(HAND.colour)).astype(np.uint8), rgb)
    images.write_jpeg(ROOT / "docs/hands.jpg", draw_hands(draw_landmarks(shown, marks), hands), quality=85)


if __name__ == "__main__":
    main()
