"""Labels faces with a trained model, so that the next model can learn from them (self-training).

    python recipes/pseudo_labels.py PICTURES OUT [MODEL]

PICTURES holds aligned portraits, or images/ and landmarks68.json: then each face is cut out along its landmarks, so
that it is where the model expects it, however far it is turned. OUT becomes a data folder for `facelm train`. The
portrait and its mirror image vote; a pixel that they are not sure of is unknown (255), and so is one that may be a
necklace, which the teacher seldom dares to say.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from facelm import classes
from facelm.engines import model
from facelm.measuring.truth import LANDMARKS, align_landmarks, find_truths
from facelm.pictures import images
from facelm.pictures.crops import cut_crop, find_inside
from facelm.training import data

CROP = 512
SURE = 0.6
NECKLACE = 0.03


class Teacher:
    """A model that labels."""

    def __init__(self, weights: str) -> None:
        self.device = model.pick_device("auto")
        self.precision = model.pick_precision(self.device)
        self.network, self.info = model.load_model(weights, self.device)

    @torch.inference_mode()
    def label(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Class indices (H, W) of a portrait (H, W, 3), 255 where the views are not sure."""
        size = self.info.size
        small = cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
        view = torch.from_numpy(small.copy())[None].to(self.device)
        plain, flipped = (
            model.predict(self.network, self.info, each, rgb.shape[:2], self.precision).softmax(1)[0]
            for each in (view, view.flip(-1))
        )
        mean = (plain + flipped.flip(-1)[list(classes.MIRRORED)]) / 2
        sure, index = mean.max(0)
        necklace = classes.INDEX["neck_l"]
        unknown = (sure < SURE) | ((mean[necklace] > NECKLACE) & (index != necklace))
        index[unknown] = classes.IGNORE
        labels: NDArray[np.uint8] = index.to("cpu", torch.uint8).numpy()
        return labels


def find_portraits(folder: Path) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.bool_] | None]]:
    """Stem, portrait, and for one that was cut out, where it lies inside of its picture."""
    if not (folder / LANDMARKS).exists():
        for path in data.find_pictures(folder):
            yield path.stem, images.read(path), None
        return
    for truth in find_truths(folder):
        rgb = images.read(truth.image)
        transform = align_landmarks(truth.points)
        yield truth.image.stem, cut_crop(rgb, transform, CROP), find_inside(rgb.shape, transform, CROP)


def main() -> None:
    """Label every face."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    teacher = Teacher(sys.argv[3] if len(sys.argv) > 3 else "lite")
    for stem, rgb, inside in track(find_portraits(source), "Labelling"):
        labels = teacher.label(rgb)
        if inside is not None:
            labels[~inside] = classes.IGNORE
        images.write_jpeg(out / "images" / f"{stem}.jpg", rgb, quality=95)
        images.write_mask(out / "masks" / f"{stem}.png", labels, classes.palette())


if __name__ == "__main__":
    main()
