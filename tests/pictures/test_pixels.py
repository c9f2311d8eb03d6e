import io
import warnings

import numpy as np
import pytest
from encoded import BLUE, GREEN, RED, assert_near, encoded, noise, png, quadrants
from PIL import Image

from facelm.pictures.images import decode, read

# Colour and grey pictures


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("PNG", {"interlace": 1}),
        ("WEBP", {"quality": 95}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("GIF", {}),
    ],
)
def test_every_format_gives_upright_rgb_that_can_be_written_to(tmp_path, format, options):
    path = tmp_path / "picture"
    path.write_bytes(encoded(Image.fromarray(quadrants()), format, **options))
    rgb = read(path)
    assert_near(rgb, quadrants())
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous and rgb.flags.writeable and rgb.flags.owndata
    np.testing.assert_array_equal(decode(path.read_bytes(), "stdin"), rgb)
    np.testing.assert_array_equal(read(str(path)), rgb)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_are_exact(format):
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(noise()), format), "x"), noise())


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "BMP"])
def test_grey_pictures(format):
    grey = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (16, 1))
    rgb = decode(encoded(Image.fromarray(grey), format), "x")
    assert rgb.shape == (16, 32, 3)
    assert np.abs(rgb.astype(int) - grey[:, :, None]).max() <= 4


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP"])
def test_one_bit_pictures_are_black_and_white(format):
    bits = np.eye(9, dtype=bool)
    rgb = decode(encoded(Image.fromarray(bits), format), "x")
    np.testing.assert_array_equal(rgb, np.repeat(bits[:, :, None] * np.uint8(255), 3, axis=2))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF"])
def test_palette_pictures_give_their_colours(format):
    image = Image.fromarray(quadrants()).quantize(4)
    np.testing.assert_array_equal(decode(encoded(image, format), "x"), np.array(image.convert("RGB")))
    assert_near(decode(encoded(image, format), "x"), quadrants())


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(format):
    cmyk = np.zeros((16, 32, 4), np.uint8)
    cmyk[:, :16] = 0, 255, 255, 0  # red
    cmyk[:, 16:] = 0, 0, 0, 205  # dark grey
    rgb = decode(encoded(Image.fromarray(cmyk, "CMYK"), format), "x")
    assert np.abs(rgb[8, 4].astype(int) - (255, 0, 0)).max() <= 4
    assert np.abs(rgb[8, 28].astype(int) - (50, 50, 50)).max() <= 4


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_colour_spaces_of_tiff(mode):
    rgb = decode(encoded(Image.fromarray(quadrants()).convert(mode), "TIFF"), "x")
    assert_near(rgb, quadrants(), tolerance=12)


def test_ycck_jpeg():
    # PIL writes CMYK inverted under an Adobe marker that says "no transform". With the marker changed to
    # "YCCK", the first three planes are luma and chroma: of the inks C, M, Y, as those are stored inverted.
    inks = Image.new("RGB", (1, 1), (255 - 200, 255 - 100, 255 - 50))
    y, cb, cr = np.array(inks.convert("YCbCr"))[0, 0]
    planes = Image.new("CMYK", (16, 16), (255 - int(y), 255 - int(cb), 255 - int(cr), 0))
    data = bytearray(encoded(planes, "JPEG", quality=95))
    marker = data.index(b"Adobe")
    assert data[marker + 11] == 0
    data[marker + 11] = 2
    rgb = decode(bytes(data), "x")
    assert np.abs(rgb.astype(int) - (200, 100, 50)).max() <= 4


# More than eight bits


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_the_high_byte(format):
    values = np.array([[0, 255, 256, 300], [32768, 40000, 65279, 65535]], np.uint16)
    rgb = decode(encoded(Image.fromarray(values), format), "x")
    np.testing.assert_array_equal(rgb[:, :, 1], [[0, 0, 1, 1], [128, 156, 254, 255]])
    assert (rgb == rgb[:, :, :1]).all()


def test_big_endian_sixteen_bit_tiff():
    values = np.array([[0, 300, 40000, 65535]], ">u2")
    rgb = decode(encoded(Image.frombytes("I;16B", (4, 1), values.tobytes()), "TIFF"), "x")
    np.testing.assert_array_equal(rgb[0, :, 0], [0, 1, 156, 255])


def test_thirty_two_bit_grey_within_sixteen_bits_keeps_the_high_byte():
    rgb = decode(encoded(Image.fromarray(np.array([[0, 300, 65535]], np.int32)), "TIFF"), "x")
    np.testing.assert_array_equal(rgb[0, :, 0], [0, 1, 255])


def test_thirty_two_bit_grey_beyond_is_stretched():
    rgb = decode(encoded(Image.fromarray(np.array([[-100_000, 0, 100_000]], np.int32)), "TIFF"), "x")
    np.testing.assert_array_equal(rgb[0, :, 0], [0, 128, 255])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.25, 1.0], [0, 64, 255]),
        ([-2.0, 0.0, 2.0], [0, 128, 255]),
        ([0.5, 0.5, 0.5], [0, 0, 0]),
        ([1.0, np.nan, 2.0], [0, 0, 255]),
        ([np.inf, np.nan, -np.inf], [0, 0, 0]),
    ],
)
def test_floating_point_tiff_is_stretched(values, expected):
    rgb = decode(encoded(Image.fromarray(np.array([values], np.float32)), "TIFF"), "x")
    np.testing.assert_array_equal(rgb[0], np.repeat(np.array(expected)[:, None], 3, axis=1))


def test_sixteen_bit_colour_png():
    row = b"\0" + np.array([[0x1234, 0x8000, 0xFFFF], [0, 0x00FF, 0x0100]], ">u2").tobytes()
    np.testing.assert_array_equal(decode(png(2, 1, 16, 2, row), "x"), [[(0x12, 0x80, 0xFF), (0, 0, 1)]])


def test_sixteen_bit_colour_and_grey_with_alpha_png():
    row = b"\0" + np.array([[0x1234, 0x8000, 0xFFFF, 0xFFFF], [0, 0, 0, 0]], ">u2").tobytes()
    np.testing.assert_array_equal(decode(png(2, 1, 16, 6, row), "x"), [[(0x12, 0x80, 0xFF), (255, 255, 255)]])
    row = b"\0" + np.array([[0x8000, 0xFFFF], [0, 0]], ">u2").tobytes()
    np.testing.assert_array_equal(decode(png(2, 1, 16, 4, row), "x"), [[(0x80, 0x80, 0x80), (255, 255, 255)]])


# Transparency


@pytest.mark.parametrize(
    ("format", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})]
)
def test_alpha_is_laid_on_white(format, options):
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0] = (10, 20, 30, 255), (10, 20, 30, 0), (0, 100, 200, 128)
    rgb = decode(encoded(Image.fromarray(rgba), format, **options), "x")
    expected = [(10, 20, 30), (255, 255, 255), (127, 177, 227)]
    assert np.abs(rgb[0].astype(int) - expected).max() <= 1


def test_grey_with_alpha_is_laid_on_white():
    values = np.array([[(10, 255), (10, 0), (0, 128)]], np.uint8)
    rgb = decode(encoded(Image.fromarray(values, "LA"), "PNG"), "x")
    assert np.abs(rgb[0].astype(int) - [[10] * 3, [255] * 3, [127] * 3]).max() <= 1


@pytest.mark.parametrize(("format", "options"), [("PNG", {"transparency": 1}), ("GIF", {"transparency": 1})])
def test_a_transparent_palette_entry_is_white(format, options):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([*RED, *GREEN, *BLUE])
    np.testing.assert_array_equal(decode(encoded(image, format, **options), "x"), [[RED, (255,) * 3, BLUE]])


def test_half_transparent_palette_entries():
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([0, 0, 0] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rgb = decode(encoded(image, "PNG", transparency=bytes([255, 128, 0])), "x")
    assert np.abs(rgb[0, :, 0].astype(int) - [0, 127, 255]).max() <= 1


def test_a_transparent_grey_and_rgb_value_are_white():
    grey = Image.fromarray(np.array([[7, 8]], np.uint8))
    np.testing.assert_array_equal(decode(encoded(grey, "PNG", transparency=7), "x")[0], [[255] * 3, [8] * 3])
    rgb = Image.fromarray(np.array([[RED, BLUE]], np.uint8))
    np.testing.assert_array_equal(decode(encoded(rgb, "PNG", transparency=RED), "x"), [[(255, 255, 255), BLUE]])


# Frames and orientation


@pytest.mark.parametrize(("format", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {})])
def test_the_first_frame_is_taken(format, options):
    frames = [Image.new("RGB", (8, 6), colour) for colour in (RED, GREEN, BLUE)]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 3
    np.testing.assert_array_equal(decode(data, "x"), np.full((6, 8, 3), RED, np.uint8))


UPRIGHT = quadrants()
STORED = {  # what a camera stores, so that the orientation brings UPRIGHT back
    1: UPRIGHT,
    2: np.fliplr(UPRIGHT),
    3: np.rot90(UPRIGHT, 2),
    4: np.flipud(UPRIGHT),
    5: np.swapaxes(UPRIGHT, 0, 1),
    6: np.rot90(UPRIGHT, 1),  # a quarter turn clockwise to show
    7: np.rot90(np.swapaxes(UPRIGHT, 0, 1), 2),
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    rgb = decode(encoded(stored, format, exif=exif, quality=95), "x")
    assert_near(rgb, UPRIGHT)
    assert rgb.flags.c_contiguous and rgb.flags.writeable


def test_orientation_names_the_visual_position_of_the_first_row_and_column():
    # From the EXIF standard: for 6, the stored first row is the right side of the picture as seen.
    stored = np.zeros((8, 16, 3), np.uint8)
    stored[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb = decode(encoded(Image.fromarray(stored), "PNG", exif=exif), "x")
    assert rgb.shape == (16, 8, 3)
    assert (rgb[:, -1] == 255).all() and (rgb[:, :-1] == 0).all()


@pytest.mark.parametrize("orientation", [0, 9, 1000])
def test_a_meaningless_orientation_is_ignored(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(UPRIGHT), "PNG", exif=exif), "x"), UPRIGHT)


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage that is no TIFF", b"Exif\0\0II*\0\xff\xff\xff\xff"])
@pytest.mark.filterwarnings("ignore")
def test_damaged_exif_data_do_not_lose_the_picture(exif):
    assert_near(decode(encoded(Image.fromarray(UPRIGHT), "JPEG", exif=exif, quality=95), "x"), UPRIGHT)
