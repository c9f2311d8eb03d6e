"""Labels portraits with a trained model, so that the next model can learn from them (self-training).

    python recipes/pseudo_labels.py PORTRAITS OUT [MODEL]

PORTRAITS holds aligned portraits without masks. OUT becomes a data folder for `facelm train`: links to the
portraits in images/, class indices in masks/. Four views (two sizes, mirrored and not) vote; a pixel that they
are not sure of is unknown (255), and so is one that may be a necklace, which the teacher seldom dares to say.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.progress import track

from facelm import classes, data, images, model

SIZES = (256, 320)
SURE = 0.6
NECKLACE = 0.03


def label(network, info, rgb):
    """Class indices (H, W) uint8 of a portrait (H, W, 3), 255 where the views are not sure."""
    mirrored = torch.from_numpy(classes.mirror(np.arange(len(classes.CLASSES), dtype=np.uint8)).astype(np.int64))
    votes = torch.zeros(1, len(classes.CLASSES), *rgb.shape[:2])
    for size in SIZES:
        small = cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA)
        view = info.normalise(torch.from_numpy(small.transpose(2, 0, 1).copy())[None])
        plain = network(view).float().softmax(1)
        flipped = network(view.flip(-1)).float().softmax(1).flip(-1)[:, mirrored]
        votes += torch.nn.functional.interpolate(plain + flipped, rgb.shape[:2], mode="bilinear")
    mean = votes[0] / (2 * len(SIZES))
    sure, index = mean.max(0)
    necklace = classes.INDEX["neck_l"]
    unknown = (sure < SURE) | ((mean[necklace] > NECKLACE) & (index != necklace))
    index[unknown] = classes.IGNORE
    return index.to(torch.uint8).numpy()


def main() -> None:
    """Label every portrait that has no label yet."""
    portraits, out = Path(sys.argv[1]), Path(sys.argv[2])
    network, info = model.load_model(sys.argv[3] if len(sys.argv) > 3 else "lite", torch.device("cpu"))
    for folder in ("images", "masks"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    precision = model.pick_precision(torch.device("cpu"))
    for path in track(data.find_pictures(portraits), "Labelling"):
        target = out / "masks" / f"{path.stem}.png"
        if target.exists():
            continue
        with torch.inference_mode(), torch.autocast("cpu", precision, enabled=precision != torch.float32):
            images.write_mask(target, label(network, info, images.read(path)), classes.palette())
        (out / "images" / path.name).unlink(missing_ok=True)
        (out / "images" / path.name).symlink_to(path.resolve())


if __name__ == "__main__":
    main()
