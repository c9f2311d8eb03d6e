"""Face boxes from another detector: typed on the command line, or in a CSV or JSON file."""

from __future__ import annotations

import csv
import io
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facelm.pictures.files import ImageError, error_of, exists
from facelm.pictures.texts import read_text
from facelm.pictures.values import parse_json

Box = tuple[float, float, float, float]
COLUMNS = ("image", "x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class Boxes:
    """The boxes of the faces of each picture.

    Attributes:
        every: x0, y0, x1, y1 that hold for all pictures, pixels.
        by_name: Those of single pictures, by path or file name; see `match`.
    """

    every: tuple[Box, ...]
    by_name: Mapping[str, Sequence[Box]]

    def match(self, pictures: Sequence[str]) -> Matched:
        """Find the picture of each name: by path, then by file name where that is unique; then in any case.

        Args:
            pictures: What the pictures of a run are called.
        """
        free = dict.fromkeys(pictures)
        names = dict.fromkeys(self.by_name)
        found: dict[str, list[Box]] = {}
        for key in (_path, _folded, _file, _folded_file):
            there, wanted = _only(free, key), _only(names, key)
            for each in there.keys() & wanted.keys():
                found[there[each]] = list(self.by_name[wanted[each]])
                del free[there[each]], names[wanted[each]]
        return Matched({name: [*self.every, *found.get(name, ())] for name in pictures}, list(names), list(free))


@dataclass(frozen=True)
class Matched:
    """Which boxes belong to which picture of a run.

    Attributes:
        of: The boxes of each picture.
        strangers: Names with boxes that are no picture of the run, or of more than one.
        bare: Pictures that no file names.
    """

    of: Mapping[str, Sequence[Box]]
    strangers: Sequence[str]
    bare: Sequence[str]


def _path(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/"))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", _path(name)).casefold()


def _file(name: str) -> str:
    return posixpath.basename(_path(name))


def _folded_file(name: str) -> str:
    return posixpath.basename(_folded(name))


def _only(names: Iterable[str], key: Callable[[str], str]) -> dict[str, str]:
    """The names whose key no other has, by that key."""
    counts = Counter(map(key, names))
    return {each: name for name in names if counts[each := key(name)] == 1}


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
        if len(numbers) == 4 and not exists(Path(text)):
            every.append(_box(numbers, text))
            continue
        path = Path(text)
        try:
            named = _read_json(path) if path.suffix == ".json" else _read_csv(path)
            for name, values in named:
                by_name.setdefault(name, []).append(_box(values, f"{path}: {name}"))
        except FileNotFoundError as error:
            raise error_of(path, "no such file, and not x0,y0,x1,y1") from error
        except (OSError, ValueError, csv.Error) as error:
            raise error_of(path, f"cannot be read as boxes ({error})") from error
    return Boxes(tuple(every), by_name)


def _read_json(path: Path) -> list[tuple[str, Sequence[object]]]:
    entries = parse_json(read_text(path))
    if not isinstance(entries, dict) or not all(isinstance(boxes, list) for boxes in entries.values()):
        raise ValueError('wanted is {"a.jpg": [[x0, y0, x1, y1], ...], ...}')
    return [(name, box) for name, boxes in entries.items() for box in boxes]


def _read_csv(path: Path) -> list[tuple[str, Sequence[object]]]:
    rows = csv.DictReader(io.StringIO(read_text(path), newline=""))
    if missing := [column for column in COLUMNS if column not in (rows.fieldnames or ())]:
        raise ValueError(f"no column {', '.join(missing)}; wanted are the columns {', '.join(COLUMNS)}")
    found = [[row[column] for column in COLUMNS] for row in rows]
    for line, row in enumerate(found, 2):
        if None in row:
            raise ValueError(f"row {line} is too short")
    return [(row[0], row[1:]) for row in found]


def _box(values: Sequence[object], name: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(str(value)) for value in values)
    except (ValueError, TypeError):
        raise ImageError(f"{name}: a box is four numbers, x0,y0,x1,y1") from None
    if not (x0 < x1 and y0 < y1 and max(abs(x0), abs(y0), abs(x1), abs(y1)) < 1e6):
        raise ImageError(f"{name}: a box needs x0 < x1 and y0 < y1")
    return x0, y0, x1, y1
