"""Training data: folders of pictures and masks, found, checked, split and read.

Two layouts are recognised. ``images/`` + ``masks/`` hold a picture and a palette or grey PNG of class indices
under the same stem. CelebAMask-HQ as it is downloaded has ``CelebA-HQ-img/`` and one binary PNG for each
part of each face under ``CelebAMask-HQ-mask-anno/``.

A folder whose labels are coarser than the 19 classes, or in another order, says so in ``classes.json``:
``{"1": ["hair", "l_brow", "r_brow"], ...}`` names the classes that each value of its masks stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from facelm import classes
from facelm.pictures import files, images, sources
from facelm.training.orders import Order, is_joined, read_order

_CELEBA_PICTURES = "CelebA-HQ-img"
_CELEBA_PARTS = "CelebAMask-HQ-mask-anno"
_CELEBA_PART = re.compile(r"(\d+)_(\w+)\.png")
_PROBLEMS_SHOWN = 10
_MERGED = 32


class DataError(Exception):
    """Training data that cannot be used; the message names the files and says what is wanted."""


class LayoutError(DataError):
    """A folder that holds no data."""


@dataclass(frozen=True)
class Example:
    """One picture and its mask on disk.

    Attributes:
        image: The picture.
        mask: Mask of class indices, or None when the mask is in parts.
        parts: For CelebAMask-HQ: (class index, binary mask) in the order in which they are drawn.
        merged: For each value of the mask, the indices of the classes that it stands for; empty when values are
            class indices.
    """

    image: Path
    mask: Path | None = None
    parts: tuple[tuple[int, Path], ...] = ()
    merged: Order = ()

    @property
    def joined(self) -> bool:
        """Whether some values of the mask stand for several classes."""
        return is_joined(self.merged)

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Read the picture and the mask.

        Returns:
            RGB (H, W, 3) and class indices (H, W), both uint8; 255 is unknown, and a value beyond the classes is
            for `label` to interpret. A picture of CelebAMask-HQ is reduced to the size of its mask.

        Raises:
            facelm.ImageError: A file cannot be read.
        """
        rgb, values = self.read_values()
        return rgb, self._single[values] if self.merged else values

    def read_values(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Read the picture and the mask with the values that it has in its file.

        Raises:
            facelm.ImageError: A file cannot be read.
        """
        rgb = images.read(self.image)
        if self.mask is not None:
            return rgb, images.read_mask(self.mask)
        drawn: NDArray[np.uint8] | None = None
        for index, path in self.parts:
            part = images.read(path)[..., 0] > 127
            if drawn is None:
                drawn = np.zeros(part.shape, np.uint8)
            drawn[part] = index
        if drawn is None:
            raise files.ImageError(f"{self.image}: no part masks")
        height, width = drawn.shape
        return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8), drawn

    @property
    def _single(self) -> NDArray[np.uint8]:
        """From the values of the mask: class indices where one class is meant, else values beyond the classes."""
        table = np.arange(256, dtype=np.uint8)
        table[: len(self.merged)] = [m[0] if len(m) == 1 else _MERGED + v for v, m in enumerate(self.merged)]
        return table

    def label(self, mask: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Turn a mask as `read` gives it, warped or not, into training labels.

        Args:
            mask: (H, W) uint8.

        Returns:
            (H, W) int64: class indices, 255 for unknown, `classes.one_of` where several classes are meant.
        """
        table = np.arange(256, dtype=np.int64)
        for value, members in enumerate(self.merged):
            table[_MERGED + value] = classes.one_of(members)
        labels: NDArray[np.int64] = table[mask]
        return labels


def find(folder: Path, order: str | None = None) -> list[Example]:
    """List the examples of a data folder, in either layout, sorted by name.

    Args:
        folder: The folder.
        order: What the values of masks stand for where the folder has no ``classes.json``, as for
            `facelm.training.orders.read_order`; by default class indices.

    Raises:
        LayoutError: The folder has neither layout.
        DataError: A picture has no mask, or the order cannot be used.
    """
    if (folder / "images").is_dir() and (folder / "masks").is_dir():
        own = folder / "classes.json"
        return _find_pairs(folder, own if own.exists() else order)
    if (folder / _CELEBA_PICTURES).is_dir() and (folder / _CELEBA_PARTS).is_dir():
        return _find_celebamask(folder)
    raise LayoutError(
        f"{folder}: not a data folder; wanted are images/ and masks/ with the same stems, "
        f"or {_CELEBA_PICTURES}/ and {_CELEBA_PARTS}/ as CelebAMask-HQ is downloaded"
    )


def _find_pairs(folder: Path, order: str | Path | None) -> list[Example]:
    masks = {path.stem: path for path in (folder / "masks").iterdir() if path.suffix.lower() == ".png"}
    pictures = find_pictures(folder / "images")
    lonely = [str(path) for path in pictures if path.stem not in masks]
    if lonely:
        raise DataError(_list_problems(f"{path}: no mask {folder / 'masks'}/<same stem>.png" for path in lonely))
    if not pictures:
        raise DataError(f"{folder / 'images'}: no pictures")
    try:
        merged = read_order(order) if order else ()
    except ValueError as error:
        raise DataError(str(error)) from error
    return [Example(path, masks[path.stem], merged=merged) for path in pictures]


def _find_celebamask(folder: Path) -> list[Example]:
    parts: dict[int, list[tuple[int, Path]]] = {}
    for path in (folder / _CELEBA_PARTS).glob("*/*.png"):
        match = _CELEBA_PART.fullmatch(path.name)
        if match and match[2] in classes.INDEX:
            parts.setdefault(int(match[1]), []).append((classes.INDEX[match[2]], path))
    examples = [
        Example(picture, parts=tuple(sorted(parts[int(picture.stem)])))
        for picture in find_pictures(folder / _CELEBA_PICTURES)
        if picture.stem.isdigit() and int(picture.stem) in parts
    ]
    if not examples:
        raise DataError(f"{folder}: no picture of {_CELEBA_PICTURES}/ has part masks in {_CELEBA_PARTS}/")
    return examples


def find_pictures(folder: Path) -> list[Path]:
    """List the pictures directly in a folder, hidden ones and facelm's own results aside, sorted by name.

    Raises:
        DataError: The folder is missing, or not a folder, or cannot be read.
    """
    try:
        paths = [path for path in folder.iterdir() if sources.is_wanted(path.name)]
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror})") from error
    return sorted(paths)


def check(
    examples: Sequence[Example],
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Check that every picture opens, has a mask of its size, and that class indices are in range.

    Args:
        examples: What to check.
        on_progress: Called with (checked, all) as the check goes on.

    Raises:
        DataError: Names up to ten of the faulty files, each with its cause.
    """
    problems = sorted({problem for example in examples if (problem := _find_one_sided(example))})
    with ThreadPoolExecutor(4) as pool:
        for number, problem in enumerate(pool.map(find_problem, examples), 1):
            if problem:
                problems.append(problem)
            if on_progress:
                on_progress(number, len(examples))
    if problems:
        raise DataError(_list_problems(problems))


def _find_one_sided(example: Example) -> str | None:
    """What is wrong with merged classes for training, which mirrors pictures."""
    for value, members in enumerate(example.merged):
        if len(members) > 1 and {classes.MIRRORED[index] for index in members} != set(members):
            path = example.image.parent.parent / "classes.json"
            return f"{path}: value {value} stands for several classes of one side; join those of both, or none"
    return None


def find_problem(example: Example) -> str | None:
    """What is wrong with the files of an example, in one line."""
    try:
        width, height = _size(example.image)
        if example.mask is None:
            sizes = {_size(path) for _, path in example.parts}
            return None if len(sizes) == 1 else f"{example.image}: its part masks differ in size"
        mask = images.read_mask(example.mask)
    except files.ImageError as error:
        return str(error)
    if mask.shape != (height, width):
        return f"{example.mask}: {mask.shape[1]}x{mask.shape[0]}, but the picture is {width}x{height}"
    values = len(example.merged or classes.CLASSES)
    strange = [int(v) for v in np.unique(mask) if v >= values and v != classes.IGNORE]
    if strange:
        wanted = f"wanted are 0 to {values - 1}, or {classes.IGNORE} for unknown"
        return f"{example.mask}: class {strange[0]}; {wanted}"
    return None


def _size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as `images.read` gives it, many times as fast for a JPEG."""
    try:
        with Image.open(path, formats=images.FORMATS) as picture:
            width, height = picture.size
            if width * height > images.MAX_PIXELS:
                raise ValueError("too many pixels")
            turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
            picture.draft("RGB", (1, 1))  # decoding at an eighth of the size finds a truncated file too
            picture.load()
    except Exception:  # damaged data make PIL raise nearly anything; `read` tells what, or copes with it
        height, width = images.read(path).shape[:2]
        turned = False
    return (height, width) if turned else (width, height)


def _list_problems(problems: Iterable[str]) -> str:
    lines = [files.spell(problem) for problem in problems]
    more = len(lines) - _PROBLEMS_SHOWN
    return "\n".join(lines[:_PROBLEMS_SHOWN] + ([f"and {more} more"] if more > 0 else []))


def split(examples: Sequence[Example], fraction: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Split examples at random into (training, validation), the same way for the same seed.

    Args:
        examples: What to split; at least two.
        fraction: Share that goes to validation; at least one example does.
        seed: Seed of the choice.

    Raises:
        DataError: There are fewer than two examples.
    """
    if len(examples) < 2:
        raise DataError("one example cannot be split into training and validation: give --val, or more data")
    order = np.random.default_rng(seed).permutation(len(examples))
    count = max(1, round(fraction * len(examples)))
    held_out, rest = np.sort(order[:count]), np.sort(order[count:])
    return [examples[at] for at in rest], [examples[at] for at in held_out]
