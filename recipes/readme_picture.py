"""Draws docs/overlay.jpg: a portrait, its mask, and its landmarks, side by side.

python recipes/readme_picture.py
"""

from pathlib import Path

import cv2
import numpy as np

import facelm
from facelm.pictures import images
from facelm.results.overlay import draw_landmarks, draw_mask

ROOT = Path(__file__).parent.parent
LEFT, TOP, SIDE = 120, 0, 256
PANEL = 960


def main() -> None:
    """Draw and write."""
    rgb = facelm.read(ROOT / "sample_images/person.jpg")[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
    large = cv2.resize(rgb, (PANEL, PANEL), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    faces = facelm.FaceParser("lite").parse(large)
    masked = draw_mask(large, facelm.paste(faces, PANEL, PANEL), 0.6)
    marked = draw_landmarks(large, [facelm.find_landmarks(face) for face in faces])
    images.write_jpeg(ROOT / "docs/overlay.jpg", np.hstack([large, masked, marked]), quality=88)


if __name__ == "__main__":
    main()
