from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.parsing.islands import drop_islands


def soft(labels: NDArray[np.uint8], second: str) -> NDArray[np.float32]:
    """Probability 0.7 for the labels, 0.3 for a second class everywhere."""
    probabilities = 0.7 * np.eye(19, dtype=np.float32)[labels].transpose(2, 0, 1)
    probabilities[classes.INDEX[second]] += 0.3
    return probabilities


def test_a_speck_of_hat_becomes_the_next_best_class_and_a_hat_stays() -> None:
    labels = np.full((100, 100), classes.INDEX["skin"], np.uint8)
    labels[10:13, 10:14] = classes.INDEX["hat"]
    labels[:40, 50:] = classes.INDEX["hat"]
    cleaned = soft(labels, "hair")
    left = drop_islands(cleaned)
    found = cleaned.argmax(0)
    assert (found[10:13, 10:14] == classes.INDEX["hair"]).all()
    assert (found[:40, 50:] == classes.INDEX["hat"]).all()
    assert np.allclose(cleaned.sum(0), 1, atol=1e-5)
    assert np.array_equal(found, left)


def test_eyes_of_usual_size_and_wisps_of_hair_stay() -> None:
    labels = np.full((100, 100), classes.INDEX["skin"], np.uint8)
    labels[47:50, 35:42] = classes.INDEX["r_eye"]
    labels[80:82, 10:12] = classes.INDEX["hair"]
    assert (drop_islands(soft(labels, "background")) == labels).all()
