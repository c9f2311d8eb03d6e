"""Which classes the training examples show, and how often each example is shown for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from facelm import classes
from facelm.pictures import images
from facelm.training.data import DataError, Example

_COMMON = 0.5


def find_shown(examples: Sequence[Example]) -> list[set[int]]:
    """The values in the mask of each example, 255 among them.

    Raises:
        facelm.ImageError: A mask cannot be read.
    """
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(_find_shown, examples))


def _find_shown(example: Example) -> set[int]:
    if example.mask is None:
        return {index for index, _ in example.parts}
    return set(np.unique(images.read_mask(example.mask)).tolist())


def find_missing(examples: Sequence[Example], shown: Sequence[set[int]]) -> list[str]:
    """Which of the 19 classes no mask shows.

    Args:
        examples: The training examples.
        shown: Of each, the values in its mask.

    Returns:
        Their names; a class that labels join with others counts as shown where they are.

    Raises:
        DataError: No mask shows anything but background, or what is not known.
    """
    found: set[int] = set()
    for example, values in zip(examples, shown, strict=True):
        for value in values - {classes.IGNORE}:
            found |= set(example.merged[value]) if example.merged else {value}
    if found <= {0}:
        held = sorted({value for values in shown for value in values})
        raise DataError(
            f"the masks hold {', '.join(map(str, held[:5]))} and nothing else: no class but background is labelled. "
            "Wanted are class indices, "
            f"1 to {len(classes.CLASSES) - 1}, or a classes.json that says what each value stands for"
        )
    return [name for index, name in enumerate(classes.NAMES) if index not in found and index]


def balance(examples: Sequence[Example], shown: Sequence[set[int]]) -> list[Example]:
    """Repeat the examples that show a rare class, so that training meets hats and glasses often enough.

    The number of repeats is the square root of a half over the share of examples that show the class (repeat
    factor sampling; Gupta, Dollar and Girshick, CVPR 2019), for the rarest class in the example.

    Args:
        examples: The training examples.
        shown: Of each, the classes in its mask; empty where labels join classes.
    """
    known = [indices - {classes.IGNORE} for indices in shown]
    counts = Counter(index for indices in known for index in indices)
    return [
        example
        for example, indices in zip(examples, known, strict=True)
        for _ in range(max([1, *(round((_COMMON * len(examples) / counts[i]) ** 0.5) for i in indices)]))
    ]
