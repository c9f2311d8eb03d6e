"""Which of the faces of a picture are wanted, and in which order they are told; by their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Box = tuple[float, float, float, float]
_ROW = 0.5
"""How far below the first face of a row another of that row may lie, in heights of the first."""


@dataclass(frozen=True)
class Choice:
    """Which faces are wanted.

    Attributes:
        most: How many at most; None is all.
        central: Those closest to the middle of the picture, not the largest.
    """

    most: int | None = None
    central: bool = False

    @classmethod
    def read(cls, text: str) -> Choice:
        """The choice that a text asks for: ``all``, ``largest``, ``central``, or the number of the largest.

        Raises:
            ValueError: It is something else.
        """
        known = {"all": cls(), "largest": cls(1), "central": cls(1, True)}
        if text in known:
            return known[text]
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"wanted is all, largest, central, or a number above 0, not {text}")
        return cls(int(text))

    def rank(self, box: Box, height: int, width: int) -> float:
        """How soon the face of a box in a picture is chosen: the least rank first."""
        x0, y0, x1, y1 = box
        if self.central:
            return float((x0 + x1 - width + 1) ** 2 + (y0 + y1 - height + 1) ** 2)
        return -(x1 - x0) * (y1 - y0)

    def choose(self, boxes: Sequence[Box], height: int, width: int) -> list[int]:
        """The indices of the boxes that are wanted, in their order."""
        ranked = sorted(range(len(boxes)), key=lambda at: self.rank(boxes[at], height, width))
        return sorted(ranked[: self.most])


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """The indices of boxes as one reads: row by row from the top, each row from the left."""
    rest = sorted(range(len(boxes)), key=lambda at: (boxes[at][1] + boxes[at][3], boxes[at]))
    order: list[int] = []
    while rest:
        _, top, _, bottom = boxes[rest[0]]
        lowest = top + bottom + 2 * _ROW * (bottom - top)
        row = [at for at in rest if boxes[at][1] + boxes[at][3] <= lowest]
        order += sorted(row, key=lambda at: boxes[at])
        rest = [at for at in rest if at not in row]
    return order
