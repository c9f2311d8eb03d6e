from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import tifffile
from encoded import noise, quadrants

from facelm.pictures import images
from facelm.pictures.files import ImageError
from facelm.pictures.images import decode

RGB = quadrants()
DEEP = RGB.astype(np.uint16) * 257
GREY = RGB[..., 1]


def tiff(values: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **({"photometric": "rgb"} | options))
    return stream.getvalue()


def stretched(values: np.ndarray) -> np.ndarray:
    wide = values.astype(float)
    return (wide - wide.min()) * 255 / (wide.max() - wide.min())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planes", ["separate", "contig"])
def test_sixteen_bits_in_planes_or_not(planes: str, compression: str | None, order: str) -> None:
    values = DEEP.transpose(2, 0, 1) if planes == "separate" else DEEP
    data = tiff(values, planarconfig=planes, compression=compression, byteorder=order)
    assert np.array_equal(decode(data, "x"), RGB)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_grey_whose_white_is_zero(bits: int) -> None:
    values = (255 - GREY).astype(np.uint16) << (bits - 8)
    values[0, 0] = 2**bits - 1
    stored = values.astype(np.uint8) if bits == 8 else values
    assert np.array_equal(decode(tiff(stored, photometric="miniswhite"), "x")[1:, :, 0], GREY[1:])


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.float16, np.float32, np.float64])
def test_signed_and_floating_values_are_stretched(kind: type) -> None:
    values = (RGB.astype(int) - 128).astype(kind)
    np.testing.assert_allclose(decode(tiff(values), "x"), stretched(values), atol=1.01)
    grey = values[..., 1]
    np.testing.assert_allclose(decode(tiff(grey, photometric="minisblack"), "x")[..., 0], stretched(grey), atol=1.01)


def test_thirty_two_bits_of_colour() -> None:
    assert np.array_equal(decode(tiff(RGB.astype(np.uint32) * 257), "x"), RGB)


def test_deep_grey_and_colour_with_alpha_lie_on_white() -> None:
    alpha = np.where(np.arange(96) < 48, 65535, 0).astype(np.uint16)[None].repeat(64, 0)
    for values, photometric in ((DEEP, "rgb"), (DEEP[..., 1:2], "minisblack")):
        data = tiff(
            np.dstack([values, alpha]), photometric=photometric, planarconfig="contig", extrasamples=["unassalpha"]
        )
        rgb = decode(data, "x")
        assert (rgb[:, 48:] == 255).all()
        assert np.array_equal(rgb[:, :48, 1], GREY[:, :48])


@pytest.mark.parametrize("compression", [cv2.IMWRITE_TIFF_COMPRESSION_LZW, cv2.IMWRITE_TIFF_COMPRESSION_PACKBITS])
def test_compressions_that_tifffile_leaves_to_others(compression: int) -> None:
    deep = noise().astype(np.uint16) << 4
    _, data = cv2.imencode(".tif", deep[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    assert np.array_equal(decode(data.tobytes(), "x"), deep >> 4)


def test_orientation_of_a_deep_picture() -> None:
    data = tiff(DEEP, extratags=[(274, 3, 1, 6, True)])
    assert np.array_equal(decode(data, "x"), np.rot90(RGB, -1))


@pytest.mark.parametrize(
    ("values", "options", "kind"),
    [
        (np.zeros((8, 8, 4), np.uint16), {"photometric": "separated"}, "16 bits unsigned, 4 x SEPARATED"),
        (np.zeros((8, 8), np.complex64), {"photometric": "minisblack"}, "64 bits complex"),
        (np.zeros((8, 8, 7), np.uint8), {"photometric": "minisblack", "planarconfig": "contig"}, "7 x MINISBLACK"),
    ],
)
def test_what_is_not_read_is_named(values: np.ndarray, options: dict[str, object], kind: str) -> None:
    with pytest.raises(ImageError, match=f"x: a kind of TIFF that is not read .*{kind}"):
        decode(tiff(values, **options), "x")


def test_damaged_and_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiff(DEEP.transpose(2, 0, 1), planarconfig="separate")
    with pytest.raises(ImageError, match="truncated or damaged"):
        decode(data[: len(data) * 2 // 3], "x")
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    with pytest.raises(ImageError, match="too many pixels"):
        decode(data, "x")


def test_a_raw_file_is_not_taken_for_its_preview():
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(np.zeros((12, 16, 3), np.uint8), photometric="rgb", subfiletype=1, subifds=1)
        file.write(np.zeros((120, 160), np.uint16), photometric="minisblack")
    with pytest.raises(ImageError, match="a: a camera's raw file, which is not read"):
        decode(stream.getvalue(), "a")
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, np.zeros((12, 16), np.uint16), photometric="cfa", extratags=[(33422, "B", 4, b"\0\1\1\2", True)]
    )
    with pytest.raises(ImageError, match="a: a camera's raw file, which is not read"):
        decode(stream.getvalue(), "a")
