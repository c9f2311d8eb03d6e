"""Closed iso-lines of a field, by marching squares (Lorensen and Cline, SIGGRAPH 1987) over whole arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A cell has its corners at the centres of four pixels. By which of them are inside (1: upper left, 2: upper right,
# 4: lower right, 8: lower left), the sides where a line comes in and goes out, with the inside on its right. Where two
# opposite corners are inside, a line goes around each: the second row.
_SIDES = "TRBL-"  # top, right, bottom, left, none
_IN, _OUT = (
    np.array([[_SIDES.index(side) for side in row] for row in rows])
    for rows in (("-TRRBTBBLTRRLTL-", "-----B----L-----"), ("-LTLRLTLBBTBRRT-", "-----R----B-----"))
)


def trace(field: NDArray[np.float32], level: float) -> list[NDArray[np.float64]]:
    """The closed lines between what is above a level and what is not.

    Args:
        field: (H, W), nowhere above the level on its border.
        level: The level.

    Returns:
        Lines (N, 2) of x, y in pixels; the first point is not repeated. What is above the level is on the right of
        one who walks along them: with y down, they run clockwise around a region and counterclockwise around a hole.
    """
    sides, following = _link(field > level)
    line, to_go = _walk(following)
    along = np.lexsort((-to_go, line))
    points = _place(field.ravel(), level, sides[along], field.shape[1])
    return np.split(points, np.flatnonzero(np.diff(line[along])) + 1) if len(points) else []


def _link(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sides of cells that lines cross, and for each the index of the one that the line crosses next.

    A side has twice the index of the pixel where it starts, and one more if it goes down from there.
    """
    width, flat = inside.shape[1], inside.ravel().view(np.uint8)
    # Cells that would reach around the end of a row lie on the border, where nothing is inside.
    upper_left, upper_right = flat[: -width - 1], flat[1:-width]
    lower_left, lower_right = flat[width:-1], flat[width + 1 :]
    cells = np.flatnonzero((upper_left != upper_right) | (upper_left != lower_left) | (upper_left != lower_right))
    codes = upper_left[cells] + 2 * upper_right[cells] + 4 * lower_right[cells] + 8 * lower_left[cells]
    offsets = np.array([0, 3, 2 * width, 1, 0])  # of the sides, in the order of _SIDES
    real = _IN[:, codes] != _SIDES.index("-")
    start, end = ((2 * cells + offsets[table[:, codes]])[real] for table in (_IN, _OUT))
    order = start.argsort()
    return start[order], np.searchsorted(start[order], end[order])


def _walk(following: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which line each point is on, and how many steps it is from the line's last point.

    Each round sees twice as far as the one before (pointer jumping; Wyllie 1979).
    """
    here = np.arange(len(following))
    rounds = len(following).bit_length()
    line, far = here, following
    for _ in range(rounds):
        line = np.minimum(line, line[far])
        far = far[far]
    last = line == here
    to_go, far = np.where(last, 0, 1), np.where(last, here, following)
    for _ in range(rounds):
        to_go = to_go + to_go[far]
        far = far[far]
    return line, to_go


def _place(values: NDArray[np.float32], level: float, sides: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    """Where lines cross sides, by linear interpolation: (N, 2)."""
    start, down = np.divmod(sides, 2)
    before, after = values[start].astype(float), values[start + np.where(down, width, 1)].astype(float)
    share = (level - before) / (after - before)
    return np.column_stack([start % width + share * (1 - down), start // width + share * down])
