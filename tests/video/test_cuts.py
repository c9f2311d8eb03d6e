from __future__ import annotations

import numpy as np
from clips import empty, portrait

from facelm.video.cuts import CutFinder


def test_a_cut_is_told_and_a_pan_is_not() -> None:
    find = CutFinder()
    pan = [find(portrait(3 * number)) for number in range(10)]
    assert not any(pan)
    assert find(np.ascontiguousarray(255 - portrait(-20)[::-1]))
    assert find(empty())
    assert not find(empty())
