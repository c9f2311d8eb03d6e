"""Face boxes from another detector: typed on the command line, or in a CSV or JSON file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facelm.pictures.files import ImageError

Box = tuple[float, float, float, float]
COLUMNS = ("image", "x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class Boxes:
    """The boxes of the faces of each picture.

    Attributes:
        every: x0, y0, x1, y1 that hold for all pictures, pixels.
        by_name: Those of single pictures, by path or file name.
    """

    every: tuple[Box, ...]
    by_name: Mapping[str, Sequence[Box]]

    def of(self, name: str) -> list[Box]:
        """The boxes of a picture; none if it is not named."""
        return [*self.every, *self.by_name.get(name, self.by_name.get(Path(name).name, ()))]


def read_boxes(texts: Iterable[str]) -> Boxes:
    """Read boxes.

    Args:
        texts: Each ``x0,y0,x1,y1``, or the path of a file: CSV with the columns image, x0, y0, x1, y1, or JSON,
            ``{"a.jpg": [[x0, y0, x1, y1], ...]}``.

    Raises:
        ImageError: A text is neither, or a file is not as it should be.
    """
    every: list[Box] = []
    by_name: dict[str, list[Box]] = {}
    for text in texts:
        numbers = text.split(",")
        if len(numbers) == 4 and not Path(text).exists():
            every.append(_box(numbers, text))
            continue
        path = Path(text)
        try:
            named = _read_json(path) if path.suffix == ".json" else _read_csv(path)
            for name, values in named:
                by_name.setdefault(name, []).append(_box(values, f"{path}: {name}"))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, csv.Error) as error:
            raise ImageError(f"{path}: cannot be read as boxes ({type(error).__name__}: {error})") from error
    return Boxes(tuple(every), by_name)


def _read_json(path: Path) -> list[tuple[str, Sequence[object]]]:
    entries = json.loads(path.read_text(encoding="utf-8"))
    return [(name, box) for name, boxes in entries.items() for box in boxes]


def _read_csv(path: Path) -> list[tuple[str, Sequence[object]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [(row["image"], [row[column] for column in COLUMNS[1:]]) for row in csv.DictReader(file)]


def _box(values: Sequence[object], name: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(str(value)) for value in values)
    except ValueError:
        raise ImageError(f"{name}: a box is four numbers, x0,y0,x1,y1") from None
    if not (x0 < x1 and y0 < y1 and max(abs(x0), abs(y0), abs(x1), abs(y1)) < 1e6):
        raise ImageError(f"{name}: a box needs x0 < x1 and y0 < y1")
    return x0, y0, x1, y1
