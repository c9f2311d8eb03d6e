"""Pictures of all kinds, as the bytes of files."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

RED, GREEN, BLUE, GREY = (220, 30, 30), (20, 180, 40), (30, 40, 200), (128, 128, 128)


def quadrants(height: int = 64, width: int = 96) -> np.ndarray:
    """Four flat colours: no symmetry, and lossy formats keep them nearly."""
    rgb = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    rgb[:top, :left], rgb[:top, left:] = RED, GREEN
    rgb[top:, :left], rgb[top:, left:] = BLUE, GREY
    return rgb


def noise(height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG written by hand, for the kinds PIL does not write; `rows` has a filter byte before each row."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    middle = b"".join(chunk(*parts) for parts in chunks)
    return b"\x89PNG\r\n\x1a\n" + header + middle + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def assert_near(actual: np.ndarray, expected: np.ndarray, tolerance: int = 4) -> None:
    """Equal but for lossy coding, the seams of the quadrants excepted."""
    assert actual.shape == expected.shape
    wrong = (np.abs(actual.astype(int) - expected.astype(int)) > tolerance).any(axis=2)
    assert wrong.mean() < 0.1
