"""Make the pictures in ``sample_images/`` from public-domain photographs that scikit-image carries.

    python recipes/sample_images.py

Nothing is downloaded: the photographs are inside the scikit-image wheel. The group is one
astronaut five times, cut out of her portrait and placed before a launch pad; ``sample_images/README.md`` names
authors and licences.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

FOLDER = Path(__file__).resolve().parent.parent / "sample_images"
JPEG_QUALITY = 92
GROUP_SIZE = 1280, 853

# Once around the astronaut in her portrait, clockwise from the top of the hair; the cut follows the
# photograph within BAND pixels of this line.
BAND = 5
OUTLINE = np.array(
    [
        *[(220, 15), (258, 19), (281, 35), (298, 59), (302, 87), (298, 110), (286, 127), (268, 137)],  # hair
        *[(262, 150), (257, 162), (255, 185), (272, 192), (291, 209), (302, 225), (306, 234)],  # jaw, collar
        *[(323, 244), (340, 262), (352, 284), (359, 309), (363, 328), (364, 348)],  # shoulder, arm
        *[(380, 345), (408, 344), (436, 352), (464, 370), (483, 398), (495, 431), (498, 452)],  # helmet
        *[(511, 462), (511, 511), (39, 511), (28, 488), (23, 445), (21, 412), (19, 375), (26, 333)],  # arm
        *[(35, 305), (44, 277), (61, 253), (89, 230), (112, 209), (115, 188), (124, 173)],  # shoulder
        *[(141, 157), (159, 150), (185, 149), (182, 136), (173, 129), (162, 112), (155, 89)],  # collar, hair
        *[(154, 68), (164, 49), (187, 35), (202, 21)],
    ]
)


class Person(NamedTuple):
    """One appearance of the astronaut in the group."""

    centre: int  # of the bottom edge, pixels from the left of the picture
    bottom: int  # of the bottom edge, pixels from the top of the picture
    scale: float
    tilt: float  # degrees, positive to the left of the picture
    mirrored: bool
    light: tuple[float, float, float]  # factors of red, green, blue


GROUP = [  # from the back to the front
    Person(425, 838, 0.76, -5, True, (0.80, 0.84, 0.98)),
    Person(868, 800, 0.58, 8, True, (0.92, 0.84, 0.74)),
    Person(1075, 905, 0.98, -12, True, (1.04, 0.94, 0.84)),
    Person(190, 905, 0.96, 12, False, (0.74, 0.72, 0.72)),
    Person(640, 866, 0.86, 0, False, (1.0, 1.0, 1.0)),
]


def main() -> None:
    """Write the three pictures."""
    FOLDER.mkdir(exist_ok=True)
    save("person.jpg", data.astronaut())
    save("group.jpg", group())
    save("no_face.jpg", data.coffee())


def save(name: str, picture: NDArray[np.uint8]) -> None:
    """Write an RGB picture as a JPEG file."""
    path = FOLDER / name
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality):
        raise OSError(f"could not write {path}")


def group() -> NDArray[np.uint8]:
    """Return the astronaut as each of GROUP before the launch pad."""
    portrait = data.astronaut()
    cut = matte(portrait)
    picture = cv2.resize(data.rocket(), GROUP_SIZE, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    for person in GROUP:
        place = placement(person, portrait.shape[1], portrait.shape[0])
        lit = portrait * np.float32(person.light)
        colour = cv2.warpAffine(lit, place, GROUP_SIZE, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.warpAffine(cut, place, GROUP_SIZE)[..., None]
        picture += alpha * (colour - picture)
    return picture.round().clip(0, 255).astype(np.uint8)


def matte(portrait: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much of each pixel is the astronaut, 0 to 1, with a soft edge."""
    inside = np.zeros(portrait.shape[:2], np.uint8)
    cv2.fillPoly(inside, [OUTLINE], 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BAND + 1, 2 * BAND + 1))
    labels = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[cv2.erode(inside, kernel) == 1] = cv2.GC_FGD
    labels[cv2.dilate(inside, kernel) == 0] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(portrait, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    kept = cv2.medianBlur(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8), 5)
    # A pixel inwards and soft: the light wall behind her must not shine around the hair.
    return cv2.GaussianBlur(cv2.erode(kept, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 1.0)


def placement(person: Person, width: int, height: int) -> NDArray[np.float64]:
    """Return the 2 x 3 matrix from the portrait to the group picture."""
    place = cv2.getRotationMatrix2D((width / 2, height), person.tilt, person.scale)
    place[:, 2] += person.centre - width / 2, person.bottom - height
    if person.mirrored:
        place = place @ np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    return place


if __name__ == "__main__":
    main()
