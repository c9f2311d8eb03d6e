from __future__ import annotations

import time

import pytest

from facelm.video.frames import read_ahead


def test_items_come_in_order_and_the_thread_is_only_a_few_ahead() -> None:
    made: list[int] = []

    def make():
        for number in range(20):
            made.append(number)
            yield number

    items = read_ahead(make())
    assert next(items) == 0
    time.sleep(0.1)
    assert len(made) <= 7
    assert list(items) == list(range(1, 20))


def test_an_error_reaches_whoever_reads() -> None:
    def make():
        yield 1
        raise ValueError("spoilt")

    items = read_ahead(make())
    assert next(items) == 1
    with pytest.raises(ValueError, match="spoilt"):
        next(items)
