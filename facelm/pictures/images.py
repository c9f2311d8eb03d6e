"""Pictures and masks on disk: reading whatever a person has, and writing without half-written files.

Every picture enters the package through `read` (a file) or `decode` (bytes, such as standard input) and is
an upright RGB array from then on. Every failure is an `ImageError` whose message names the file.
"""

import io
import os
import re
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from facelm.pictures.depths import lay_on_white
from facelm.pictures.files import ImageError, atomic_path, error_of
from facelm.pictures.pixels import orientation_of, to_upright_rgb, turn_upright
from facelm.pictures.room import ROOM, read_bytes

PICTURE_SUFFIXES: frozenset[str] = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}
    | {".heic", ".heif", ".hif", ".avif"}
)
"""Lower-case suffixes of the files that a walk through a folder takes for pictures."""

MAX_PIXELS = 200_000_000
"""Most pixels a picture may have, width times height, unless a reader is told otherwise.

A file of a few kilobytes can claim to be a picture of many gigabytes (a decompression bomb), so the size in
the header is checked before anything is decoded. The largest phone cameras (16320×12240) stay below it.
"""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
"""Of PIL, which leaves HEIC to another library: only what the suffixes promise, for EPS would start Ghostscript."""

_JPEG_MAGIC, _SCAN = b"\xff\xd8", b"\xff\xda"
_MAX_SCANS = 100  # each goes over the whole picture; encoders write some ten
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_MASK_KINDS = "a mask is a palette or grey PNG of class indices"

_PIL_LIMIT = threading.Lock()


def read(path: str | os.PathLike[str], max_pixels: int | None = None) -> NDArray[np.uint8]:
    """An upright RGB picture from a file.

    `decode` says what is done to the pixels, and what is returned.

    Args:
        path: A JPEG, PNG, WebP, AVIF, HEIC, TIFF, BMP or GIF file; the content decides, not the suffix.
        max_pixels: Most pixels that it may have; by default `MAX_PIXELS`.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ImageError: The file is missing, a folder, not permitted, empty, not a picture, truncated or damaged,
            or has too many pixels.
    """
    return decode(read_bytes(path), os.fspath(path), max_pixels)


def decode(data: bytes, name: str, max_pixels: int | None = None) -> NDArray[np.uint8]:
    """An upright RGB picture from the bytes of a file.

    Transparency is laid on white, the EXIF orientation is applied, and of several frames or pages the first
    is taken. Of 16 bits the highest eight in use count, so that 10, 12 or 14 bits come out as light as they are;
    floating point, 32 bits and values below zero are stretched from the least (black) to the greatest (white).

    Args:
        data: The content of a JPEG, PNG, WebP, AVIF, HEIC, TIFF, BMP or GIF file.
        name: What errors call the picture.
        max_pixels: As for `read`.

    Returns:
        uint8 (H, W, 3), C-contiguous and writable; the origin is the upper left corner of the picture as a
        person sees it, rows go down.

    Raises:
        ImageError: The data are empty, not a picture, of a kind that is not read, truncated or damaged, or have
            too many pixels.
    """
    from facelm.pictures import tiffs

    most = max_pixels or MAX_PIXELS
    try:
        if tiffs.is_tiff(data) and (deep := tiffs.read_deep(data, name, most)) is not None:
            return turn_upright(*deep)
    except MemoryError as error:
        raise error_of(name, "not enough memory for its pixels") from error
    image = _load(data, name, most)
    if _is_deep_png(data):  # of which PIL keeps the high bytes, whatever range is in use
        return turn_upright(_read_deep_png(data, name), orientation_of(image))
    return to_upright_rgb(image)


def _is_deep_png(data: bytes) -> bool:
    """Whether it is a PNG of 16 bits in colour or with alpha."""
    return data[:8] == _PNG_MAGIC and data[24] == 16 and data[25] in (2, 4, 6)


def _read_deep_png(data: bytes, name: str) -> NDArray[np.uint8]:
    """RGB (H, W, 3) as stored, of a PNG that PIL could read."""
    import cv2

    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 3:
        raise error_of(name, "truncated or damaged")
    return lay_on_white(values[..., 2::-1], values[..., 3] if values.shape[2] == 4 else None)


def read_mask(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """A mask of class indices from a file; indices are taken as they are stored, EXIF is not applied.

    Args:
        path: A palette (the indices count, not the colours), grey or 1-bit (indices 0 and 1) PNG.

    Returns:
        uint8 (H, W), C-contiguous and writable, rows from top to bottom.

    Raises:
        ImageError: As for `read`, and for a lossy or colour picture, one with an alpha channel, and values above 255.
    """
    image = _load(read_bytes(path), os.fspath(path), MAX_PIXELS)
    if image.format == "JPEG" or image.info.get("compression") == "jpeg":
        raise error_of(path, f"is a JPEG, whatever its name says, which changes class indices; {_MASK_KINDS}")
    if image.mode not in {"P", "L", "1"} and not image.mode.startswith("I"):
        kind = "grey picture with alpha or fractions" if image.mode in {"LA", "F"} else "colour picture"
        raise error_of(path, f"is a {kind}; {_MASK_KINDS}")
    values = np.array(image)
    if values.min() < 0 or values.max() > 255:
        raise error_of(path, f"has values outside 0 to 255; {_MASK_KINDS}")
    return values.astype(np.uint8)


def write_mask(path: str | os.PathLike[str], mask: NDArray[np.uint8], palette: NDArray[np.uint8]) -> None:
    """Writes a mask of class indices as a palette PNG, atomically.

    Args:
        path: The file; its folder is made if missing.
        mask: uint8 (H, W), class indices.
        palette: uint8 (256, 3), the RGB colour of each index, for viewers.

    Raises:
        ImageError: The file cannot be written.
        ValueError: An array of another shape or dtype.
    """
    if mask.dtype != np.uint8 or mask.ndim != 2 or not mask.size:
        raise ValueError(f"a mask is uint8 (H, W), not {mask.dtype} {mask.shape}")
    if palette.dtype != np.uint8 or palette.shape != (256, 3):
        raise ValueError(f"a palette is uint8 (256, 3), not {palette.dtype} {palette.shape}")
    image = Image.fromarray(mask)
    image.putpalette(palette.tobytes())
    _write_png(path, image)


def write_png(path: str | os.PathLike[str], pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Writes a picture as PNG, atomically.

    Args:
        path: The file; its folder is made if missing.
        pixels: uint8 (H, W, 3) RGB or (H, W, 4) with opacity, or uint16 (H, W).

    Raises:
        ImageError: The file cannot be written.
        ValueError: An array of another shape or dtype.
    """
    kind = (pixels.dtype, *pixels.shape[2:])
    if kind not in ((np.uint8, 3), (np.uint8, 4), (np.uint16,)) or pixels.ndim not in (2, 3) or not pixels.size:
        raise ValueError(f"a PNG is uint8 (H, W, 3 or 4) or uint16 (H, W), not {pixels.dtype} {pixels.shape}")
    _write_png(path, Image.fromarray(pixels))


def _write_png(path: str | os.PathLike[str], image: Image.Image) -> None:
    # A mask is runs of equal pixels: to look for nothing else takes a third of the time, and the file is no larger.
    runs = {"compress_type": zlib.Z_RLE} if len(image.getbands()) == 1 else {}
    _write(path, image, format="PNG", **runs)


def write_jpeg(path: str | os.PathLike[str], rgb: NDArray[np.uint8], quality: int = 92) -> None:
    """Writes a picture as JPEG, atomically.

    Args:
        path: The file; its folder is made if missing.
        rgb: uint8 (H, W, 3).
        quality: JPEG quality, 1 to 95.

    Raises:
        ImageError: The file cannot be written.
        ValueError: An array of another shape or dtype.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise ValueError(f"a picture is uint8 (H, W, 3), not {rgb.dtype} {rgb.shape}")
    _write(path, Image.fromarray(rgb), format="JPEG", quality=quality)


def _write(path: str | os.PathLike[str], image: Image.Image, **options: Any) -> None:
    """Encode in memory, then write: when a disk fills up, PIL overlooks that a last part did not fit."""
    with atomic_path(path) as temporary:
        encoded = io.BytesIO()
        image.save(encoded, **options)
        temporary.write_bytes(encoded.getbuffer())


def _load(data: bytes, name: str, most: int) -> Image.Image:
    """A decoded picture in PIL's own mode, its size checked beforehand."""
    if not data:
        raise error_of(name, "empty file")
    if data[:2] == _JPEG_MAGIC and (scans := data.count(_SCAN)) > _MAX_SCANS:
        raise error_of(name, f"too many scans ({scans:,}; the limit is {_MAX_SCANS})")
    image = _open(data, name, most)
    pixels = image.width * image.height
    if pixels > most:
        raise error_of(name, f"too many pixels ({pixels:,}; the limit is {most:,})")
    if pixels == 0:
        raise error_of(name, f"not a picture, or damaged (its size is {image.width}×{image.height})")
    try:
        ROOM.take(pixels)
        image.load()
    except MemoryError as error:
        raise error_of(name, f"not enough memory for its {pixels:,} pixels") from error
    except Exception as error:  # damaged data make PIL raise nearly anything, struct.error for one
        cause = f"truncated or damaged ({str(error).strip() or type(error).__name__})"
        raise error_of(name, _why(data, cause) if image.format == "JPEG" else cause) from error
    return image


@contextmanager
def pixel_limit(most: int, name: str) -> Iterator[None]:
    """PIL's limit of pixels, which holds for the whole process, is this one while a header is read.

    Args:
        most: Most pixels, of which PIL lets pass up to twice as many.
        name: What the error calls the picture.

    Raises:
        ImageError: PIL found more.
    """
    with _PIL_LIMIT, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, most
        try:
            yield
        except Image.DecompressionBombError as error:
            pixels = int(re.findall(r"\d+", str(error))[0])  # PIL tells the number nowhere else
            raise error_of(name, f"too many pixels ({pixels:,}; the limit is {most:,})") from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _open(data: bytes, name: str, most: int) -> Image.Image:
    """A picture of which PIL has read no more than the header."""
    from facelm.pictures import kinds

    try:
        if kinds.is_heif(data):
            from pillow_heif import HeifImageFile

            return HeifImageFile(io.BytesIO(data))
        with pixel_limit(most, name):
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:  # its own message shows a memory address
        raise error_of(name, _why(data, "not a picture, or damaged (cannot identify image file)")) from error
    except ImageError:
        raise
    except Exception as error:
        raise error_of(name, f"not a picture, or damaged ({error or type(error).__name__})") from error


def _why(data: bytes, otherwise: str) -> str:
    """Why a file cannot be read: its kind, or something else."""
    from facelm.pictures import kinds

    return kinds.describe(data) or otherwise
