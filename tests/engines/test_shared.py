from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from commands import PATIENCE
from numpy.typing import NDArray

from facelm.engines.shared import SharedEngine
from facelm.engines.weights import ModelInfo


class SlowEngine:
    """Says of each picture its first pixel, once it is let; notes its batches."""

    info = ModelInfo("resnet18", (16, 16, 16, 16, 16))
    way = "half"

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(rgb.shape)
        self.begun.set()
        assert self.go_on.wait(PATIENCE)
        if (rgb == 255).any():
            raise RuntimeError("out of memory")
        return rgb[..., :1].transpose(0, 3, 1, 2).astype(np.float32)


def pictures(value: int, count: int = 1, side: int = 8) -> NDArray[np.uint8]:
    return np.full((count, side, side, 3), value, np.uint8)


@pytest.fixture
def engine() -> SlowEngine:
    return SlowEngine()


def ask(engine: SlowEngine, first: NDArray[np.uint8], others: list[NDArray[np.uint8]]) -> list[object]:
    """The answers to a first request, and to others that come while it is at work."""
    shared = SharedEngine(engine)
    with ThreadPoolExecutor(1 + len(others)) as pool:
        futures = [pool.submit(shared.predict, first)]
        assert engine.begun.wait(PATIENCE)
        futures += [pool.submit(shared.predict, each) for each in others]
        while len(shared._waiting) < len(others):
            time.sleep(0.001)
        engine.go_on.set()
        return [future.exception() or future.result() for future in futures]


def test_those_who_wait_share_a_batch_and_each_gets_its_own(engine: SlowEngine) -> None:
    asked = [pictures(2), pictures(3, 2), pictures(4)]
    answers = ask(engine, pictures(1), asked)
    assert [len(answer) for answer in answers] == [1, 1, 2, 1]
    assert [float(answer.mean()) for answer in answers] == [1, 2, 3, 4]
    assert engine.batches == [(1, 8, 8, 3), (4, 8, 8, 3)]


def test_pictures_of_other_sizes_go_apart(engine: SlowEngine) -> None:
    answers = ask(engine, pictures(1), [pictures(2), pictures(3, side=16), pictures(4), pictures(5, side=16)])
    assert [answer.shape[-1] for answer in answers] == [8, 8, 16, 8, 16]
    assert [float(answer.mean()) for answer in answers] == [1, 2, 3, 4, 5]
    assert sorted(batch[0] for batch in engine.batches) == [1, 2, 2]


def test_a_batch_has_an_end(engine: SlowEngine) -> None:
    ask(engine, pictures(1), [pictures(2, 20), pictures(3, 20), pictures(4, 50)])
    assert sorted(batch[0] for batch in engine.batches) == [1, 20, 20, 50]


def test_a_failure_reaches_all_who_shared_the_batch(engine: SlowEngine) -> None:
    answers = ask(engine, pictures(1), [pictures(255), pictures(3)])
    assert float(answers[0].mean()) == 1
    assert [str(answer) for answer in answers[1:]] == ["out of memory"] * 2
