from __future__ import annotations

import pytest
from common import ROOT

from facelm.pictures.files import ImageError
from facelm.pictures.images import decode

JPEG = (ROOT / "sample_images" / "person.jpg").read_bytes()


def recoded(bits: int, process: int) -> bytes:
    """The sample picture with another claim in the header of its frame."""
    at = JPEG.index(b"\xff\xc0")
    changed = bytearray(JPEG)
    changed[at + 1], changed[at + 4] = process, bits
    return bytes(changed)


@pytest.mark.parametrize(
    ("bits", "process", "told"), [(12, 0xC1, "12 bits"), (16, 0xC3, "16 bits, lossless"), (8, 0xC3, "8 bits, lossless")]
)
def test_unusual_jpegs_are_named(bits: int, process: int, told: str) -> None:
    with pytest.raises(ImageError, match=rf"^a\.jpg: a kind of JPEG that is not read \({told}\)$"):
        decode(recoded(bits, process), "a.jpg")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"8BPS\0\1" + bytes(60), "a Photoshop document"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"\xff\x0a" + bytes(60), "a JPEG XL picture"),
        (b"\0\0\0\x18ftypcrx " + bytes(60), "a camera's raw file"),
        (b"\0\0\0\x18ftypisom" + bytes(60), "a video"),
    ],
)
def test_files_of_other_kinds_are_named(data: bytes, kind: str) -> None:
    with pytest.raises(ImageError, match=f"^x: {kind}, which is not read$"):
        decode(data, "x")


def test_a_damaged_jpeg_is_not_taken_for_an_unusual_one() -> None:
    for data in (JPEG[:3000], JPEG[:3], JPEG[:2] + b"\xff" * 40, JPEG[:40] + bytes(40)):
        with pytest.raises(ImageError, match=r"damaged"):
            decode(data, "a.jpg")
