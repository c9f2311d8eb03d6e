"""Which classes the training examples show, and how often each example is shown for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from facelm import classes
from facelm.pictures import images
from facelm.training.data import Example

_COMMON = 0.5


def find_shown(examples: Sequence[Example]) -> list[set[int]]:
    """The values in the mask of each example, 255 among them; empty for examples with merged classes.

    Raises:
        facelm.ImageError: A mask cannot be read.
    """
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(_find_shown, examples))


def _find_shown(example: Example) -> set[int]:
    if example.merged:
        return set()
    if example.mask is None:
        return {index for index, _ in example.parts}
    return set(np.unique(images.read_mask(example.mask)).tolist())


def balance(examples: Sequence[Example], shown: Sequence[set[int]]) -> list[Example]:
    """Repeat the examples that show a rare class, so that training meets hats and glasses often enough.

    The number of repeats is the square root of a half over the share of examples that show the class (repeat
    factor sampling; Gupta, Dollar and Girshick, CVPR 2019), for the rarest class in the example.

    Args:
        examples: The training examples.
        shown: Of each, the classes in its mask.
    """
    known = [indices - {classes.IGNORE} for indices in shown]
    counts = Counter(index for indices in known for index in indices)
    return [
        example
        for example, indices in zip(examples, known, strict=True)
        for _ in range(max([1, *(round((_COMMON * len(examples) / counts[i]) ** 0.5) for i in indices)]))
    ]
