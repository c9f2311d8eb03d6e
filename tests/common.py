"""What many tests need: where the checkout is, and drawn faces in data folders of both layouts."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from facelm import classes
from facelm.pictures import images

ROOT = Path(__file__).parent.parent


# (class, centre x, centre y, half width, half height) in a unit square, in the order of drawing; the
# subject's left is on the right of the picture.
PARTS = (
    ("cloth", 0.5, 0.98, 0.45, 0.12),
    ("neck", 0.5, 0.82, 0.14, 0.14),
    ("neck_l", 0.5, 0.89, 0.09, 0.02),
    ("hair", 0.5, 0.42, 0.38, 0.38),
    ("hat", 0.5, 0.08, 0.25, 0.06),
    ("r_ear", 0.19, 0.5, 0.04, 0.09),
    ("l_ear", 0.81, 0.5, 0.04, 0.09),
    ("ear_r", 0.81, 0.6, 0.03, 0.03),
    ("skin", 0.5, 0.52, 0.3, 0.34),
    ("eye_g", 0.5, 0.44, 0.24, 0.07),
    ("r_brow", 0.36, 0.33, 0.09, 0.025),
    ("l_brow", 0.64, 0.33, 0.09, 0.025),
    ("r_eye", 0.37, 0.43, 0.07, 0.04),
    ("l_eye", 0.63, 0.43, 0.07, 0.04),
    ("nose", 0.5, 0.56, 0.05, 0.09),
    ("mouth", 0.5, 0.71, 0.08, 0.02),
    ("u_lip", 0.5, 0.68, 0.1, 0.02),
    ("l_lip", 0.5, 0.74, 0.1, 0.02),
)


def draw_face(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A face of ellipses in the colours of the palette, a little different for each seed, and its mask."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((size, size), np.uint8)
    dx, dy = rng.uniform(-0.05, 0.05, 2)
    stretch = rng.uniform(0.9, 1.1)
    for name, x, y, half_width, half_height in PARTS:
        centre = (round((x + dx) * size), round((y + dy) * size))
        axes = (max(1, round(half_width * stretch * size)), max(1, round(half_height * size)))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, classes.INDEX[name], -1)
    rgb = classes.palette()[mask].astype(float) + rng.normal(0, 6, (size, size, 3))
    return np.clip(rgb, 0, 255).astype(np.uint8), mask


def write_pair(folder: Path, stem: str, rgb: np.ndarray, mask: np.ndarray) -> None:
    """A picture and its mask in the ``images/`` + ``masks/`` layout."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(folder / "images" / f"{stem}.png")
    images.write_mask(folder / "masks" / f"{stem}.png", mask, classes.palette())


def write_celebamask(folder: Path, count: int, size: int = 48) -> None:
    """A tiny CelebAMask-HQ as it is downloaded: pictures at twice the size of the part masks."""
    (folder / "CelebA-HQ-img").mkdir(parents=True)
    for number in range(count):
        rgb, mask = draw_face(size, number)
        twice = cv2.resize(rgb, (2 * size, 2 * size), interpolation=cv2.INTER_NEAREST)
        Image.fromarray(twice).save(folder / "CelebA-HQ-img" / f"{number}.jpg", quality=95)
        parts = folder / "CelebAMask-HQ-mask-anno" / str(number // 2)
        parts.mkdir(parents=True, exist_ok=True)
        for name in ("skin", "hair", "nose", "l_eye", "r_eye"):
            part = np.where(mask == classes.INDEX[name], 255, 0).astype(np.uint8)
            Image.fromarray(part).convert("RGB").save(parts / f"{number:05}_{name}.png")


def cheek_to_cheek(astronaut: np.ndarray) -> np.ndarray:
    """The astronaut and her mirror image, whose cheeks touch in the middle of the picture: (240, 194, 3)."""
    half = astronaut[20:260, 165:262]
    return np.ascontiguousarray(np.hstack([half, half[:, ::-1]]))
