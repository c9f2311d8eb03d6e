"""Which classes the labels of examples show."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from facelm import classes
from facelm.pictures import images
from facelm.training.data import DataError, Example


def find_shown(examples: Sequence[Example]) -> list[set[int]]:
    """The classes in the mask of each example, 255 among them; where labels join classes, the values.

    Raises:
        facelm.ImageError: A mask cannot be read.
    """
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(_find_shown, examples))


def _find_shown(example: Example) -> set[int]:
    if example.mask is None:
        return {index for index, _ in example.parts}
    values = set(np.unique(images.read_mask(example.mask)).tolist())
    if not example.merged or example.joined:
        return values
    return {value if value == classes.IGNORE else example.merged[value][0] for value in values}


def find_missing(examples: Sequence[Example], shown: Sequence[set[int]]) -> list[str]:
    """Which of the 19 classes no mask shows.

    Args:
        examples: The examples.
        shown: Of each, what `find_shown` found.

    Returns:
        Their names; a class that labels join with others counts as shown where they are.

    Raises:
        DataError: No mask of a folder shows anything but what is not known, or the background beside that, or none
            of any folder anything but background.
    """
    by_folder: dict[Path, set[int]] = {}
    found: set[int] = set()
    for example, values in zip(examples, shown, strict=True):
        by_folder.setdefault(example.image.parent.parent, set()).update(values)
        for value in values - {classes.IGNORE}:
            found |= set(example.merged[value]) if example.joined else {value}
    empty = {folder: held for folder, held in by_folder.items() if held <= {0, classes.IGNORE}}
    joined = {example.image.parent.parent for example in examples if example.joined}
    for folder, held in empty.items():
        if folder not in joined and (classes.IGNORE in held or found <= {0}):
            raise DataError(
                f"{folder}: its masks hold {', '.join(map(str, sorted(held)))} and nothing else: no class but "
                f"background is labelled. Wanted are class indices, 1 to {len(classes.CLASSES) - 1}, "
                "or a classes.json that says what each value stands for"
            )
    return [name for index, name in enumerate(classes.NAMES) if index not in found and index]
