"""A page to look at: photos with their masks and landmarks in one HTML file, to be sorted and filtered in a browser."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facelm import classes
from facelm.hands.points import FINGERS, WRIST
from facelm.landmarks.points import POINTS
from facelm.parsing.face import Face
from facelm.parsing.masks import paste
from facelm.pictures.files import atomic_path, spell
from facelm.results.overlay import FINGER_COLOURS
from facelm.results.records import FaceRecord, HandRecord

THUMBNAIL = 240
"""Longer side of a picture on the page, pixels."""

_DOT = (0.8, 2.4)


@dataclass(frozen=True)
class Tile:
    """One picture of the page.

    Attributes:
        name: What the user calls it.
        error: Why it could not be read, else None.
        width: Of the thumbnail, pixels.
        height: Of the thumbnail, pixels.
        photo: The thumbnail as a data URI.
        mask: Its mask as a data URI; transparent where nothing is.
        seen: Visible landmarks as an SVG path of dots.
        hidden: The others.
        dot: Width of a landmark's dot, pixels.
        fingers: The bones of all hands as an SVG path for each finger.
        values: What the page can be sorted by, by name; None where there is none.
        notes: Lines of text below the picture.
    """

    name: str
    error: str | None = None
    width: int = 0
    height: int = 0
    photo: str = ""
    mask: str = ""
    seen: str = ""
    hidden: str = ""
    dot: float = 0.0
    fingers: tuple[str, ...] = ()
    values: Mapping[str, float | None] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A table of the page: its title, the names of its columns, and rows of text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Curve:
    """How reliable confidence is: for each tenth the mean confidence and the share of points that are near."""

    points: Sequence[tuple[float, float]]


def draw_tile(
    name: str,
    rgb: NDArray[np.uint8],
    faces: Sequence[Face],
    records: Sequence[FaceRecord],
    values: Mapping[str, float | None] | None = None,
    notes: Sequence[str] = (),
    hands: Sequence[HandRecord] | None = None,
) -> Tile:
    """Make the tile of a picture.

    Args:
        name: What the user calls it.
        rgb: (H, W, 3) uint8.
        faces: That were found.
        records: Of the same faces.
        values: Further ones to sort by, first.
        notes: Lines of text below the picture.
        hands: That were found; None where they were not looked for.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, THUMBNAIL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    photo = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(paste(faces, height, width), size, interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False)
    told: list[FaceRecord | HandRecord] = [*records, *(hands or ())]
    points = np.concatenate([np.empty((0, 2)), *(record.landmarks for record in told)])
    visible = np.concatenate([np.empty(0, bool), *(record.visible for record in told)])
    dots = (points + 0.5) * scale
    smallest = min((float(np.ptp(record.landmarks, axis=0).max()) for record in told), default=0.0)
    own: dict[str, float | None] = {
        "faces": float(len(records)),
        **({} if hands is None else {"hands": float(len(hands))}),
        "score": min((record.score for record in records), default=None),
        "confidence": min((float(np.min(record.confidence)) for record in records), default=None),
        "yaw": max((record.yaw for record in records), key=abs, default=None),
    }
    return Tile(
        spell(name),
        None,
        *size,
        _encode(Image.fromarray(photo), "JPEG", quality=72),
        _encode_mask(mask),
        _dots(dots[visible]),
        _dots(dots[~visible]),
        float(np.clip(scale * smallest / 28, *_DOT)),
        _bones([(hand.landmarks + 0.5) * scale for hand in hands or ()]),
        {**(values or {}), **own},
        tuple(notes),
    )


def write_page(
    path: Path,
    title: str,
    tiles: Sequence[Tile],
    sections: Sequence[Section] = (),
    curve: Curve | None = None,
) -> None:
    """Write the page: one file that needs no other and no network.

    Args:
        path: The file.
        title: Of the page.
        tiles: Pictures, in the order in which they are shown at first.
        sections: Tables above the pictures.
        curve: Drawn beside the tables.

    Raises:
        facelm.ImageError: The file cannot be written.
    """
    from jinja2 import Environment, PackageLoader, select_autoescape

    environment = Environment(
        loader=PackageLoader("facelm.results", "."), autoescape=select_autoescape(("html",)), trim_blocks=True
    )
    names = list(dict.fromkeys(name for tile in tiles for name in tile.values or ()))
    given = {
        "title": spell(title),
        "tiles": tiles,
        "names": names,
        "sections": sections,
        "curve": curve,
        "points": POINTS,
        "colours": FINGER_COLOURS,
        "legend": [each for each in classes.CLASSES if each.index],
    }
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        environment.get_template("page.html").stream(given).dump(stream, "utf-8")


def _encode(image: Image.Image, format: str, **options: object) -> str:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return f"data:image/{format.lower()};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def _encode_mask(mask: NDArray[np.uint8]) -> str:
    image = Image.fromarray(mask)
    image.putpalette(classes.palette()[: len(classes.CLASSES)].tobytes())
    return _encode(image, "PNG", transparency=0, optimize=True)


def _dots(points: NDArray[np.float64]) -> str:
    """An SVG path that draws a dot at each point (N, 2)."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)


def _bones(hands: Sequence[NDArray[np.float64]]) -> tuple[str, ...]:
    """Of each finger an SVG path that draws it in all hands (21, 2); nothing where there is no hand."""
    return tuple(
        "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in hand[[WRIST, *finger]]) for hand in hands)
        for finger in FINGERS.values()
        if hands
    )
