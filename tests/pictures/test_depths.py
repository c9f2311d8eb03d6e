from __future__ import annotations

import json

import numpy as np
import pytest
from encoded import encoded, png
from PIL import Image

from facelm.pictures.depths import to_8_bits
from facelm.pictures.images import decode


@pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 16])
def test_the_highest_bits_in_use_count(bits: int) -> None:
    values = (np.arange(256, dtype=np.uint16) << (bits - 8)).reshape(16, 16)
    for format in ("PNG", "TIFF"):
        rgb = decode(encoded(Image.fromarray(values), format), "x")
        assert np.array_equal(rgb[..., 1].ravel(), np.arange(256))


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_colour_png_of_fewer_bits_than_it_has_room_for(bits: int, colour: int, channels: int) -> None:
    values = np.zeros((4, 64, channels), ">u2")
    values[..., :3] = (np.arange(256, dtype=np.uint16) << (bits - 8)).reshape(4, 64, 1)
    if channels != 3:
        values[..., -1] = 2**bits - 1
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    assert np.array_equal(decode(png(64, 4, 16, colour, rows), "x")[..., 0].ravel(), np.arange(256))


def test_the_scale_does_not_follow_the_content() -> None:
    bright, dim = np.array([0, 2100, 4095], np.uint16), np.array([0, 2100, 2300], np.uint16)
    assert to_8_bits(bright)[1] == to_8_bits(dim)[1]


def test_values_that_span_more_than_a_float_holds() -> None:
    assert to_8_bits(np.array([-1.7e308, 0, 1.7e308])).tolist() == [0, 128, 255]


def test_a_twelve_bit_portrait_has_the_landmarks_of_the_portrait(facelm, astronaut, tmp_path) -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in (astronaut.astype(np.uint16) << 4).astype(">u2"))
    (tmp_path / "deep.png").write_bytes(png(512, 512, 16, 2, rows))
    Image.fromarray(astronaut).save(tmp_path / "plain.png")
    deep, plain = map(json.loads, facelm("landmarks", tmp_path).stdout.splitlines())
    assert deep["faces"] == plain["faces"] and len(plain["faces"]) == 1
    facelm("overlay", tmp_path, "-o", tmp_path / "drawn")
    assert (tmp_path / "drawn/deep.overlay.jpg").read_bytes() == (tmp_path / "drawn/plain.overlay.jpg").read_bytes()
