from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from common import write_pair

from facelm import classes
from facelm.training import data
from facelm.training.balance import balance, find_shown


def test_examples_with_a_rare_class_are_repeated(tmp_path: Path) -> None:
    for number in range(32):
        mask = np.full((32, 32), classes.INDEX["skin"], np.uint8)
        if number < 2:
            mask[:4] = classes.INDEX["hat"]
        elif number < 8:
            mask[:4] = classes.INDEX["eye_g"]
        write_pair(tmp_path, f"{number:02}", np.zeros((32, 32, 3), np.uint8), mask)
    examples = data.find(tmp_path)
    counts = Counter(int(example.image.stem) for example in balance(examples, find_shown(examples)))
    # The root of a half over the share: 2 in 32 show a hat, 6 in 32 glasses.
    assert [counts[number] for number in (0, 1, 2, 7, 8, 31)] == [3, 3, 2, 2, 1, 1]
