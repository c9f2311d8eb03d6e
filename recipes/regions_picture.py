"""Draws docs/regions.jpg: the regions of a face over the photo, and the head cut out on a chequered ground.

python recipes/regions_picture.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

import facelm
from facelm import classes
from facelm.landmarks.regions import paste_regions
from facelm.parsing.masks import paste_instances, paste_opacity
from facelm.pictures import images
from facelm.results.overlay import draw_mask

ROOT = Path(__file__).parent.parent
PART = np.s_[25:205, 135:315]
SIDE = 500


def main() -> None:
    """Read the sample picture, enlarge a part of it, and draw."""
    rgb = facelm.read(ROOT / "sample_images" / "person.jpg")[PART]
    rgb = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    faces = facelm.FaceParser("lite").parse(rgb)
    mask = facelm.paste(faces, SIDE, SIDE)
    regions = paste_regions(faces, mask, paste_instances(faces, SIDE, SIDE, mask))
    opacity = paste_opacity(faces, SIDE, SIDE, classes.indices(*classes.HEAD), mask)[..., None] / 255
    chequers = np.where(np.add.outer(np.arange(SIDE) // 20, np.arange(SIDE) // 20) % 2, 250, 215)[..., None]
    cut = (rgb * opacity + chequers * (1 - opacity)).astype(np.uint8)
    images.write_jpeg(ROOT / "docs" / "regions.jpg", np.hstack([draw_mask(rgb, regions, 0.6), cut]), quality=85)


if __name__ == "__main__":
    main()
