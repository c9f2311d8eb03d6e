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
from numpy.typing import NDArray
from rich.progress import track

from facelm import classes
from facelm.measuring.truth import LANDMARKS, align_landmarks, find_truths
from facelm.parsing.parser import FaceParser
from facelm.pictures import images
from facelm.pictures.crops import cut_crop, find_inside
from facelm.training import data

CROP = 512
SURE = 0.6
NECKLACE = 0.03


def label(parser: FaceParser, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Class indices (CROP, CROP) of a portrait, 255 where its views are not sure."""
    side = (parser.info.size,) * 2
    small = np.asarray(cv2.resize(rgb, side, interpolation=cv2.INTER_AREA), np.uint8)
    plain, flipped = parser.predict(np.stack([small, small[:, ::-1]]))
    mean = (plain + flipped[list(classes.MIRRORED), :, ::-1]) / 2
    mean = np.stack([cv2.resize(layer, (CROP, CROP), interpolation=cv2.INTER_LINEAR) for layer in mean])
    index = mean.argmax(0).astype(np.uint8)
    necklace = classes.INDEX["neck_l"]
    unknown = (mean.max(0) < SURE) | ((mean[necklace] > NECKLACE) & (index != necklace))
    return np.where(unknown, np.uint8(classes.IGNORE), index)


def find_portraits(folder: Path) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.bool_] | None]]:
    """Stem, portrait, and for one that was cut out, where it lies inside of its picture."""
    if not (folder / LANDMARKS).exists():
        for path in data.find_pictures(folder):
            yield path.stem, cv2.resize(images.read(path), (CROP, CROP), interpolation=cv2.INTER_AREA), None
        return
    for truth in find_truths(folder):
        rgb = images.read(truth.image)
        transform = align_landmarks(truth.points)
        yield truth.image.stem, cut_crop(rgb, transform, CROP), find_inside(rgb.shape, transform, CROP)


def main() -> None:
    """Label every face."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    teacher = FaceParser(sys.argv[3] if len(sys.argv) > 3 else "lite")
    for stem, rgb, inside in track(find_portraits(source), "Labelling"):
        labels = label(teacher, rgb)
        if inside is not None:
            labels[~inside] = classes.IGNORE
        images.write_jpeg(out / "images" / f"{stem}.jpg", rgb, quality=95)
        images.write_mask(out / "masks" / f"{stem}.png", labels, classes.palette())


if __name__ == "__main__":
    main()
