from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facelm.pictures.choice import Choice, reading_order

LEFT, MIDDLE, RIGHT, BELOW = (0, 12, 20, 32), (40, 0, 70, 30), (90, 9, 110, 33), (5, 60, 25, 80)


def test_rows_are_read_from_the_top_each_from_the_left() -> None:
    boxes = [BELOW, RIGHT, MIDDLE, LEFT]
    assert [boxes[at] for at in reading_order(boxes)] == [LEFT, MIDDLE, RIGHT, BELOW]


@given(st.permutations([LEFT, MIDDLE, RIGHT, BELOW, (40, 0, 70, 31), (200, 61, 210, 90)]))
def test_the_order_does_not_depend_on_that_of_the_finder(boxes: list[tuple[float, float, float, float]]) -> None:
    again = sorted(boxes)
    assert [boxes[at] for at in reading_order(boxes)] == [again[at] for at in reading_order(again)]
    assert sorted(reading_order(boxes)) == list(range(len(boxes)))


def test_choices() -> None:
    boxes = [LEFT, MIDDLE, RIGHT, BELOW]
    assert Choice.read("all").choose(boxes, 100, 200) == [0, 1, 2, 3]
    assert Choice.read("largest").choose(boxes, 100, 200) == [1]
    assert Choice.read("2").choose(boxes, 100, 200) == [1, 2]
    assert Choice.read("central").choose(boxes, 60, 200) == [2]
    assert Choice.read("central").choose([], 60, 200) == []


@pytest.mark.parametrize("text", ["0", "-1", "nearest", "", "1.5"])
def test_what_is_no_choice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="wanted is all, largest, central, or a number above 0"):
        Choice.read(text)
