"""Augmentation of training portraits, with albumentations."""

from __future__ import annotations

from typing import Any

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes

_SMALL = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}


class MirrorFlip(A.DualTransform):  # type: ignore[misc]
    """Flip left to right, and swap the left and right classes of the mask."""

    def apply(self, img: NDArray[np.uint8], **params: Any) -> NDArray[np.uint8]:
        """Flip the picture (H, W, 3)."""
        return cv2.flip(img, 1).astype(np.uint8, copy=False)

    def apply_to_mask(self, mask: NDArray[np.uint8], *args: Any, **params: Any) -> NDArray[np.uint8]:
        """Flip the mask (H, W) and swap its sides."""
        return classes.mirror(cv2.flip(mask, 1).astype(np.uint8, copy=False))


class Resize(A.DualTransform):  # type: ignore[misc]
    """Resize to ``size`` square: the picture by areas, the mask by nearest pixels.

    A pixel between two is taken from its right and from below, or in half of the samples from its left and from above:
    either alone would teach the network that every contour lies to one side.
    """

    def __init__(self, size: int, p: float) -> None:
        super().__init__(p=p)
        self.size = (size, size)

    def get_params(self) -> dict[str, Any]:
        """Choose a side for the pixels between two."""
        return {"turned": self.py_random.random() < 0.5}

    def apply(self, img: NDArray[np.uint8], **params: Any) -> NDArray[np.uint8]:
        """Resize the picture (H, W, 3)."""
        return np.asarray(cv2.resize(img, self.size, interpolation=cv2.INTER_AREA), np.uint8)

    def apply_to_mask(self, mask: NDArray[np.uint8], *args: Any, **params: Any) -> NDArray[np.uint8]:
        """Resize the mask (H, W), turned upside down or as it is."""
        if params["turned"]:
            return self._nearest(mask[::-1, ::-1])[::-1, ::-1]
        return self._nearest(mask)

    def _nearest(self, mask: NDArray[Any]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(mask, self.size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


GENTLE = 0.4
"""Share of the usual changes that is left in the later half of a run.

A network that has only seen faces far from their place, in bad pictures, knows less of good ones. Strong augmentation
that ends before the training does: YOLOX (Ge et al., 2021).
"""


def geometric(size: int, share: float = 1.0) -> A.Compose:
    """Flip, turn, scale and shift a portrait, as an imperfect alignment would; resize it to ``size`` square.

    What the motion brings in from outside the picture is black, and unknown (255) in the mask.

    Args:
        size: Width and height of what comes out, pixels.
        share: Of how far the portrait is moved.
    """
    return A.Compose(
        [
            MirrorFlip(p=0.5),
            A.Affine(
                scale=(1 - 0.25 * share, 1 + 0.3 * share),
                translate_percent=(-0.09 * share, 0.09 * share),
                rotate=(-22 * share, 22 * share),
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_NEAREST,
                fill=0,
                fill_mask=classes.IGNORE,
                p=0.9,
            ),
            Resize(size, p=1),
        ]
    )


def photometric(share: float = 1.0) -> A.Compose:
    """Change colour, light, sharpness, noise and compression, and drop patches, of a picture of any size.

    A dropped patch is unknown (255) in the mask: what it hides is neither to be guessed nor to be denied.

    Args:
        share: Of how often each of these is done.
    """
    return A.Compose(
        [
            A.RandomBrightnessContrast(brightness_limit=0.3, contrast_limit=0.3, p=0.6 * share),
            A.OneOf([A.Illumination(mode, (0.1, 0.2)) for mode in ("linear", "corner", "gaussian")], p=0.2 * share),
            A.OneOf(
                [
                    A.HueSaturationValue(hue_shift_limit=12, sat_shift_limit=40, val_shift_limit=25),
                    A.RGBShift(r_shift_limit=30, g_shift_limit=30, b_shift_limit=30),
                    A.ToGray(),
                ],
                p=0.5 * share,
            ),
            A.RandomGamma(gamma_limit=(55, 170), p=0.3 * share),
            A.OneOf(
                [
                    A.GaussianBlur(sigma_limit=(0.4, 3.0)),
                    A.MotionBlur(blur_limit=(3, 9)),
                    A.Downscale(scale_range=(0.1, 0.25), interpolation_pair=_SMALL),
                    A.Downscale(scale_range=(0.25, 0.7), interpolation_pair=_SMALL),
                ],
                p=0.4 * share,
            ),
            A.GaussNoise(std_range=(0.02, 0.12), p=0.25 * share),
            A.ImageCompression(quality_range=(25, 90), p=0.3 * share),
            A.CoarseDropout(
                num_holes_range=(1, 3),
                hole_height_range=(0.06, 0.25),
                hole_width_range=(0.06, 0.25),
                fill="random_uniform",
                fill_mask=classes.IGNORE,
                p=0.2 * share,
            ),
        ]
    )
