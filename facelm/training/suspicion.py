"""Masks whose classes are in another known order than was said: told by what each value looks like on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.pictures import images
from facelm.training.data import DataError, Example
from facelm.training.orders import KNOWN, read_order, to_file

_USUAL: dict[str, tuple[float, float, float]] = {
    "skin": (0.349, 0.50, 0.55), "nose": (0.028, 0.49, 0.57), "eye_g": (0.086, 0.48, 0.44),
    "l_eye": (0.0031, 0.63, 0.47), "r_eye": (0.0030, 0.36, 0.47), "l_brow": (0.0054, 0.64, 0.41),
    "r_brow": (0.0056, 0.35, 0.41), "l_ear": (0.0125, 0.84, 0.56), "r_ear": (0.0109, 0.16, 0.56),
    "mouth": (0.0061, 0.50, 0.74), "u_lip": (0.0056, 0.49, 0.72), "l_lip": (0.0093, 0.49, 0.76),
    "hair": (0.458, 0.50, 0.36), "hat": (0.347, 0.50, 0.23), "ear_r": (0.0075, 0.53, 0.73),
    "neck_l": (0.0037, 0.53, 0.90), "neck": (0.060, 0.51, 0.92), "cloth": (0.061, 0.51, 0.93),
}  # fmt: skip
"""Median area, mean x and mean y of each class in 404 masks of CelebAMask-HQ, as shares of what is no background."""

_MOST = 64
_LEAST_VALUES = 6
_SURELY = 0.6
"""How much less another order must differ from what is usual."""


def check_order(examples: Sequence[Example]) -> None:
    """Make sure that the masks of each folder do not look as if their classes were in another known order.

    Folders that say what their values stand for in a ``classes.json`` are not asked.

    Args:
        examples: What is to be trained on.

    Raises:
        DataError: A folder's masks do; the message has the ``classes.json`` that would mend it.
        facelm.ImageError: A mask cannot be read.
    """
    by_folder: dict[object, list[Example]] = {}
    for example in examples:
        if example.mask is not None:
            by_folder.setdefault(example.image.parent.parent, []).append(example)
    orders = {name: tuple(classes.indices(*names)) for name, names in KNOWN.items()}
    for folder, found in by_folder.items():
        said = [name for name in KNOWN if read_order(name) == found[0].merged]
        if not said or (found[0].image.parent.parent / "classes.json").exists():
            continue
        seen = _describe(found)
        if len(seen) < _LEAST_VALUES:
            continue
        strange = {name: _differ(seen, order) for name, order in orders.items()}
        best = min(strange, key=lambda name: strange[name])
        if strange[best] < _SURELY * strange[said[0]]:
            raise DataError(
                f"{folder}: its masks look as if their classes were in the order of {best} (nose "
                f"{KNOWN[best].index('nose')}), not of {said[0]} (nose {KNOWN[said[0]].index('nose')}). "
                f"Give --classes {best}, or put this into {folder}/classes.json, which is never doubted: "
                f"{to_file(KNOWN[best])}"
            )


def _describe(examples: Sequence[Example]) -> dict[int, NDArray[np.float64]]:
    """Mean area, x and y of each value that some masks hold, as shares of what is no background."""
    sums: dict[int, list[tuple[float, float, float]]] = {}
    for example in examples[:: max(1, len(examples) // _MOST)]:
        mask = images.read_mask(example.mask)  # type: ignore[arg-type]  # parts have no order
        rows, columns = np.nonzero((mask > 0) & (mask != classes.IGNORE))
        if not len(rows):
            continue
        x, y = ((at - at.min()) / max(1, np.ptp(at)) for at in (columns, rows))
        values = mask[rows, columns]
        for value in np.unique(values):
            there = values == value
            sums.setdefault(int(value), []).append((there.mean(), x[there].mean(), y[there].mean()))
    return {value: np.mean(each, axis=0) for value, each in sums.items()}


def _differ(seen: Mapping[int, NDArray[np.float64]], order: Sequence[int]) -> float:
    """How far values are from what the classes look like that an order gives them."""
    differences = []
    for value, (area, x, y) in seen.items():
        if not 0 < value < len(order):
            continue
        usual_area, usual_x, usual_y = _USUAL[classes.NAMES[order[value]]]
        differences.append(abs(np.log(area / usual_area)) / 2 + abs(x - usual_x) / 0.15 + abs(y - usual_y) / 0.15)
    return float(np.mean(differences)) if differences else 0.0
