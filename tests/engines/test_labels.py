from __future__ import annotations

import numpy as np
import pytest

from facelm.engines.labels import label, select, total


@pytest.mark.parametrize("seed", range(3))
def test_labels_are_those_of_argmax(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.random((19, 37, 53), np.float32)
    assert np.array_equal(label(probabilities), probabilities.argmax(0))
    ties = rng.integers(0, 3, (19, 37, 53)).astype(np.float32)
    assert np.array_equal(label(ties), ties.argmax(0)), "of equals the first"


def test_a_part_of_an_array_will_do() -> None:
    probabilities = np.random.default_rng(0).random((5, 20, 30), np.float32)[:, 3:17, 4:29]
    before = probabilities.copy()
    assert np.array_equal(label(probabilities), probabilities.argmax(0))
    assert np.array_equal(probabilities, before)


def test_select() -> None:
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    chosen = select(labels, [1, 5, 11])
    assert chosen.dtype == np.uint8
    assert np.array_equal(np.flatnonzero(chosen), [1, 5, 11])


def test_total_leaves_what_it_adds_as_it_is() -> None:
    probabilities = np.random.default_rng(0).random((6, 8, 9), np.float32)
    before = probabilities.copy()
    np.testing.assert_allclose(total(probabilities, [4, 0, 2]), before[[4, 0, 2]].sum(0), rtol=1e-6)
    assert np.array_equal(probabilities, before)
