"""TIFF of more than eight bits, signed, or floating: kinds that Pillow misreads or does not know."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.pictures.depths import lay_on_white, to_8_bits
from facelm.pictures.files import ImageError, error_of
from facelm.pictures.room import ROOM

if TYPE_CHECKING:
    from tifffile import TiffPage

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3}
_MULTIPLIED, _OPACITY = 1, 2  # kinds of an extra sample
_UNSIGNED = 1
_ORIENTATION = 274
_KIND, _OTHERS, _DNG = 254, 330, 50706  # tags: of what kind a page is, where others are, which release of DNG
_REDUCED = 1
_SENSOR, _LINEAR = 32803, 34892
_KINDS = {_UNSIGNED: "unsigned", 2: "signed", 3: "floating", 4: "untyped", 5: "complex", 6: "complex"}


def is_tiff(data: bytes) -> bool:
    """Whether a file begins as a TIFF does."""
    return data[:4] in _MAGIC


def read_deep(data: bytes, name: str, most_pixels: int) -> tuple[NDArray[np.uint8], int] | None:
    """The first page of a TIFF, if it is of a kind that Pillow is not to read.

    Args:
        data: Content of the file.
        name: What errors call it.
        most_pixels: Width times height that it may have.

    Returns:
        RGB (H, W, 3) as stored, and the orientation, 1 to 8; None for Pillow to read it, or to say what is wrong.

    Raises:
        facelm.ImageError: It is of a kind that nothing here reads, too large or damaged.
        MemoryError: Its pixels do not fit.
    """
    from tifffile import TiffFile

    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what is wrong is told by an error
    deep = False
    try:
        with TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            if _is_raw(page):
                raise error_of(name, "a camera's raw file, which is not read: its first picture is a small preview")
            deep = _is_deep(page)
            if not deep:
                return None
            pixels = page.imagewidth * page.imagelength
            if pixels > most_pixels:
                raise error_of(name, f"too many pixels ({pixels:,}; the limit is {most_pixels:,})")
            ROOM.take(pixels)
            values = _read_values(page, data, name)
            orientation = page.tags.valueof(_ORIENTATION, 1)
            return _to_rgb(page, values), orientation if orientation in range(1, 9) else 1
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # damaged tags raise nearly anything
        if deep:
            raise error_of(name, f"truncated or damaged ({error or type(error).__name__})") from error
        return None


def describe(data: bytes) -> str:
    """What kind of TIFF it is, for a person; empty where not even that can be read."""
    from tifffile import TiffFile

    try:
        with TiffFile(io.BytesIO(data)) as file:
            return _describe(file.pages.first)
    except Exception:  # damaged tags raise nearly anything
        return ""


def _describe(page: TiffPage) -> str:
    kind = _KINDS.get(int(page.sampleformat), "untyped")
    colours = getattr(page.photometric, "name", page.photometric)
    packed = getattr(page.compression, "name", page.compression)
    planes = ", separate planes" if int(page.planarconfig) == 2 else ""
    return f"{page.bitspersample} bits {kind}, {page.samplesperpixel} x {colours}, compression {packed}{planes}"


def _is_raw(page: TiffPage) -> bool:
    """Whether the page is not the picture but a preview of it, or the picture is what a camera's sensor saw."""
    preview = bool(page.tags.valueof(_KIND, 0) & _REDUCED) and _OTHERS in page.tags
    return preview or _DNG in page.tags or int(page.photometric) in (_SENSOR, _LINEAR)


def _is_deep(page: TiffPage) -> bool:
    return page.bitspersample > 8 or int(page.sampleformat) != _UNSIGNED


def _read_values(page: TiffPage, data: bytes, name: str) -> NDArray[Any]:
    """The values of a page, (H, W, C)."""
    refusal = error_of(name, f"a kind of TIFF that is not read ({_describe(page)})")
    if int(page.photometric) not in _COLOURS or page.axes not in ("YX", "YXS", "SYX"):
        raise refusal
    if page.dtype is None or page.dtype.kind not in "iuf":
        raise refusal
    try:
        values: NDArray[Any] = page.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        if (decompressed := _decompress(page, data)) is None:
            raise refusal from error
        return decompressed
    values = values.transpose(1, 2, 0) if page.axes == "SYX" else values
    return values[..., None] if values.ndim == 2 else values


def _decompress(page: TiffPage, data: bytes) -> NDArray[Any] | None:
    """What OpenCV reads of a page in a compression that tifffile leaves to others, where it can be trusted with it."""
    if int(page.photometric) == _WHITE_IS_ZERO or page.axes == "SYX" or page.bitspersample not in (16, 32):
        return None
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != page.dtype or values.size != np.prod(page.shape):
        return None
    values = values.reshape(*values.shape[:2], -1)
    return values[..., [2, 1, 0, 3][: values.shape[2]]] if values.shape[2] > 2 else values


def _to_rgb(page: TiffPage, values: NDArray[Any]) -> NDArray[np.uint8]:
    colours = _COLOURS[int(page.photometric)]
    kinds = [int(kind) for kind in page.extrasamples]
    opaque = [at for at, kind in enumerate(kinds, colours) if kind in (_MULTIPLIED, _OPACITY)]
    if int(page.photometric) == _WHITE_IS_ZERO:
        # Only once it is known which bits are in use.
        values = np.concatenate([255 - to_8_bits(values[..., :1]), values[..., 1:]], 2)
    alpha = values[..., opaque[0]] if opaque else None
    return lay_on_white(values[..., :colours], alpha, bool(opaque) and kinds[opaque[0] - colours] == _MULTIPLIED)
