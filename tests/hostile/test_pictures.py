"""Pictures that mean ill: endless, of many gigabytes, or made to take for ever."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facelm.pictures import images
from facelm.pictures.files import ImageError


@pytest.mark.skipif(os.name != "posix", reason="there are no such devices")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_link_to_a_device_is_no_picture(device: str, tmp_path: Path) -> None:
    link = tmp_path / "endless.png"
    link.symlink_to(device)
    with pytest.raises(ImageError, match=r"endless\.png: is a device"):
        images.read(link)


def test_a_file_of_many_gigabytes_of_nothing_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.png"
    with path.open("wb") as file:
        file.truncate(50_000_000_000)
    with pytest.raises((ImageError, MemoryError), match=r"too large|memory"):
        images.read(path)


def test_a_jpeg_of_thousands_of_scans_is_not_decoded() -> None:
    encoded = io.BytesIO()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(encoded, "JPEG", progressive=True)
    data = encoded.getvalue()
    last = data.rindex(b"\xff\xda")
    images.decode(data, "ten.jpg")
    with pytest.raises(ImageError, match="too many scans"):
        images.decode(data[:last] + data[last:-2] * 2000 + data[-2:], "many.jpg")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is large."""
    encoded = io.BytesIO()
    Image.new("1", (1, 1)).save(encoded, "PNG")
    data = bytearray(encoded.getvalue())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (200_000_001, 1)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="too many pixels"):
        images.decode(bomb(*size), "bomb.png")
