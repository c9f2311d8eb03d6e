import io
import os
import stat
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from facelm.pictures import images
from facelm.pictures.files import ImageError
from facelm.pictures.images import PICTURE_SUFFIXES, decode, read, read_mask, write_jpeg, write_mask

RED, GREEN, BLUE, GREY = (220, 30, 30), (20, 180, 40), (30, 40, 200), (128, 128, 128)
PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)


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


def assert_one_line(error: pytest.ExceptionInfo[ImageError], name: str | Path, cause: str) -> None:
    message = str(error.value)
    assert message.startswith(f"{name}: ")
    assert cause in message
    assert len(message.splitlines()) == 1


def temporaries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


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


# Names


@pytest.mark.parametrize("name", ["my photo 1.png", "Müller Straße.png", "写真 顔.png", "-o.png", "#%&.png"])
def test_names(tmp_path, name):
    path = tmp_path / "ein Ordner ü" / name
    path.parent.mkdir()
    path.write_bytes(encoded(Image.fromarray(noise()), "PNG"))
    np.testing.assert_array_equal(read(path), noise())
    write_mask(path, noise()[:, :, 0], PALETTE)
    np.testing.assert_array_equal(read_mask(path), noise()[:, :, 0])


def test_the_content_decides_not_the_suffix(tmp_path):
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(encoded(Image.fromarray(noise()), "PNG"))
    np.testing.assert_array_equal(read(path), noise())


def test_picture_suffixes_are_lower_case_and_complete():
    expected = ".jpg .jpeg .jpe .jfif .png .webp .tif .tiff .bmp .gif"
    assert frozenset(expected.split()) == PICTURE_SUFFIXES


# Errors


@pytest.mark.parametrize("function", [read, read_mask])
@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("missing.jpg", None, "no such file"),
        ("empty.jpg", b"", "empty file"),
        ("text.jpg", b"Dear diary,\n", "not a picture, or damaged (cannot identify image file)"),
        ("page.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not a picture"),
        ("two\nlines\u2028.jpg", None, "no such file"),
        ("cut header.png", encoded(Image.fromarray(noise()), "PNG")[:20], "not a picture, or damaged"),
    ],
)
def test_bad_files(tmp_path, function, name, content, cause):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError) as error:
        function(path)
    assert_one_line(error, str(path).replace("\n", "\\n").replace("\u2028", "\\n"), cause)


def test_a_name_that_is_not_unicode_can_be_printed(tmp_path):
    with pytest.raises(ImageError) as error:
        read(tmp_path / "caf\udce9.jpg")
    assert "caf\\udce9.jpg: no such file" in str(error.value).encode("utf-8").decode("utf-8")


def test_a_folder(tmp_path):
    with pytest.raises(ImageError) as error:
        read(tmp_path)
    assert_one_line(error, tmp_path, "is a folder")


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "private.jpg"
    path.write_bytes(encoded(Image.fromarray(noise()), "JPEG"))
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything

        def refuse(self):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ImageError) as error:
        read(path)
    assert_one_line(error, path, "no permission")


@pytest.mark.parametrize("name", ["nul\0.jpg", "x" * 300 + ".jpg"])
def test_impossible_paths(name):
    with pytest.raises(ImageError, match="cannot be read"):
        read(name)


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ImageError, match="cannot be read"):
        read(tmp_path / "file" / "x.jpg")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.filterwarnings("ignore:Truncated File Read")
def test_truncated_files_are_errors(tmp_path, format, part):
    data = encoded(Image.fromarray(noise()), format)
    path = tmp_path / "cut"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ImageError) as error:
        read(path)
    assert_one_line(error, path, "damaged")


def test_a_truncated_progressive_jpeg_is_an_error():
    data = encoded(Image.fromarray(noise()), "JPEG", progressive=True)
    with pytest.raises(ImageError, match="cut: truncated or damaged"):
        decode(data[: len(data) * 2 // 3], "cut")


def test_a_damaged_png_is_an_error():
    data = bytearray(encoded(Image.fromarray(noise()), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ImageError, match="x: truncated or damaged"):
        decode(bytes(data), "x")


@settings(max_examples=150)
@given(st.data())
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_give_a_picture_or_an_image_error(data):
    format = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"]))
    content = bytearray(encoded(Image.fromarray(noise(8, 8)), format))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        rgb = decode(bytes(content), "x")
    except ImageError as error:
        assert str(error).startswith("x: ")
        assert len(str(error).splitlines()) == 1
    else:
        assert rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3


def test_too_little_memory_is_told_from_damage(monkeypatch):
    def load(self):
        raise MemoryError

    data = encoded(Image.new("RGB", (9, 8)), "PNG")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(ImageError, match="x: not enough memory for its 72 pixels"):
        decode(data, "x")


@pytest.mark.parametrize("size", [(14_143, 14_143), (20_001, 20_000), (50_000, 50_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_without_a_warning(size):
    bomb = png(*size, 8, 2, b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError) as error:
            decode(bomb, "bomb.png")
    assert_one_line(error, "bomb.png", f"too many pixels ({size[0] * size[1]:,}; the limit is {images.MAX_PIXELS:,})")


def test_an_animation_cannot_hide_a_bomb():
    frame = struct.pack("<4sHB", b"\x21\xf9\x04\x08", 0, 0) + b"\0"  # dispose to background: PIL fills it
    gif = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + frame
    gif += b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x44\x01\0;"
    with pytest.raises(ImageError, match="too many pixels"):
        decode(gif, "x.gif")


def test_more_pixels_than_pil_warns_about_are_fine_up_to_the_limit(monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match="truncated or damaged"):  # not: too many pixels
            decode(png(14_142, 14_142, 1, 0, b""), "x")
    monkeypatch.setattr(images, "MAX_PIXELS", 64)
    assert decode(encoded(Image.new("RGB", (8, 8)), "PNG"), "x").shape == (8, 8, 3)
    with pytest.raises(ImageError, match=r"too many pixels \(72; the limit is 64\)"):
        decode(encoded(Image.new("RGB", (9, 8)), "PNG"), "x")


def test_no_pixels_are_an_error():
    with pytest.raises(ImageError, match="x: not a picture, or damaged"):
        decode(png(0, 4, 8, 2, b""), "x")


# Masks


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)))
def test_a_written_mask_is_read_back(tmp_path, mask):
    path = tmp_path / "mask.png"
    write_mask(path, mask, PALETTE)
    back = read_mask(path)
    np.testing.assert_array_equal(back, mask)
    assert back.dtype == np.uint8 and back.flags.c_contiguous and back.flags.writeable
    np.testing.assert_array_equal(read(path), PALETTE[mask])
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "P")


def test_a_mask_with_equal_colours_keeps_its_indices(tmp_path):
    mask = np.arange(19, dtype=np.uint8)[None]
    write_mask(tmp_path / "m.png", mask, np.zeros((256, 3), np.uint8))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), mask)


def test_masks_from_other_programs(tmp_path):
    path = tmp_path / "m.png"
    values = np.array([[0, 1, 17], [255, 2, 3]], np.uint8)
    Image.fromarray(values).save(path)
    np.testing.assert_array_equal(read_mask(path), values)
    Image.fromarray(values.astype(np.uint16)).save(path)
    np.testing.assert_array_equal(read_mask(str(path)), values)
    Image.fromarray(np.eye(5, dtype=bool)).save(path)
    np.testing.assert_array_equal(read_mask(path), np.eye(5))
    small = Image.fromarray(np.array([[0, 3, 2, 1, 0]], np.uint8))
    small.putpalette([0, 0, 0] * 4)
    small.save(path, bits=2, transparency=0)
    np.testing.assert_array_equal(read_mask(path), [[0, 3, 2, 1, 0]])


def test_a_mask_is_not_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.array([[1, 2, 3]], np.uint8)).save(tmp_path / "m.png", exif=exif)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), [[1, 2, 3]])


@pytest.mark.parametrize(
    ("image", "cause"),
    [
        (
            Image.new("RGB", (2, 2)),
            "is a colour picture; a mask is a palette or grey PNG of class indices",
        ),
        (Image.new("RGBA", (2, 2)), "is a colour picture"),
        (Image.new("LA", (2, 2)), "is a grey picture with alpha"),
        (Image.fromarray(np.array([[0, 256]], np.uint16)), "has values outside 0 to 255"),
    ],
)
def test_pictures_are_no_masks(tmp_path, image, cause):
    path = tmp_path / "not a mask.png"
    image.save(path)
    with pytest.raises(ImageError) as error:
        read_mask(path)
    assert_one_line(error, path, cause)


@pytest.mark.parametrize(
    ("mask", "palette"),
    [
        (np.zeros((2, 2), np.int64), PALETTE),
        (np.zeros((2, 2, 3), np.uint8), PALETTE),
        (np.zeros((0, 2), np.uint8), PALETTE),
        (np.zeros((2, 2), np.uint8), PALETTE[:19]),
        (np.zeros((2, 2), np.uint8), PALETTE / 255),
    ],
)
def test_write_mask_refuses_other_arrays(tmp_path, mask, palette):
    with pytest.raises(ValueError, match="uint8"):
        write_mask(tmp_path / "m.png", mask, palette)
    assert not any(tmp_path.iterdir())


# Writing


def test_write_jpeg(tmp_path):
    path = tmp_path / "new" / "folder" / "ü.jpg"
    write_jpeg(path, quadrants())
    assert_near(read(path), quadrants())
    size = path.stat().st_size
    write_jpeg(str(path), quadrants(), quality=20)
    assert path.stat().st_size < size
    assert path.read_bytes()[:2] == b"\xff\xd8"
    assert not temporaries(path.parent)


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((2, 2), np.uint8),
        np.zeros((2, 2, 4), np.uint8),
        np.zeros((2, 2, 3)),
        np.zeros((0, 2, 3), np.uint8),
    ],
)
def test_write_jpeg_refuses_other_arrays(tmp_path, rgb):
    with pytest.raises(ValueError, match="uint8"):
        write_jpeg(tmp_path / "x.jpg", rgb)


def test_arrays_that_are_views_are_written_as_seen(tmp_path):
    mask = noise()[::-1, ::3, 0].T
    write_mask(tmp_path / "m.png", mask, PALETTE)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), mask)
    write_jpeg(tmp_path / "x.jpg", quadrants()[::-1].transpose(1, 0, 2), quality=95)
    assert_near(read(tmp_path / "x.jpg"), quadrants()[::-1].transpose(1, 0, 2))


def test_a_picture_too_large_for_jpeg_is_an_image_error(tmp_path):
    with pytest.raises(ImageError, match=r"x\.jpg: cannot be written"):
        write_jpeg(tmp_path / "x.jpg", np.zeros((1, 65_536, 3), np.uint8))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("below", ["file", "file/deeper"])
def test_a_file_in_place_of_the_output_folder(tmp_path, below):
    (tmp_path / "file").write_text("keep")
    target = tmp_path / below / "m.png"
    with pytest.raises(ImageError) as error:
        write_mask(target, np.zeros((2, 2), np.uint8), PALETTE)
    assert_one_line(error, target, "cannot be written")
    assert (tmp_path / "file").read_text() == "keep"


def test_no_permission_to_write(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("root may write everywhere")
    with pytest.raises(ImageError, match="cannot be written"):
        write_jpeg(folder / "x.jpg", quadrants())


def test_a_folder_or_device_is_not_replaced(tmp_path):
    (tmp_path / "folder.png").mkdir()
    for target in (tmp_path / "folder.png", Path(os.devnull)):
        with pytest.raises(ImageError) as error:
            write_mask(target, np.zeros((2, 2), np.uint8), PALETTE)
        assert_one_line(error, target, "a folder or device has this name")
    assert Path(os.devnull).is_char_device()


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_is_honoured(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_jpeg(tmp_path / "x.jpg", quadrants())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.jpg").stat().st_mode) == mode


def test_a_reader_never_sees_a_part(tmp_path):
    path = tmp_path / "m.png"
    masks = [np.full((200, 200), index, np.uint8) for index in range(2)]
    write_mask(path, masks[0], PALETTE)
    done = threading.Event()

    def rewrite():
        for turn in range(60):
            write_mask(path, masks[turn % 2], PALETTE)
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    reads = 0
    while not done.is_set() or not reads:
        seen = read_mask(path)
        assert (seen == seen[0, 0]).all() and seen.shape == (200, 200)
        reads += 1
    writer.join()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "pixels", [np.arange(60, dtype=np.uint8).reshape(4, 5, 3), np.array([[0, 300], [65535, 7]], np.uint16)]
)
def test_a_written_png_is_read_back(tmp_path, pixels):
    images.write_png(tmp_path / "sub" / "a.png", pixels)
    with Image.open(tmp_path / "sub" / "a.png") as picture:
        assert np.array_equal(np.array(picture), pixels)


@pytest.mark.parametrize(
    "shape, dtype", [((4, 4), np.uint8), ((4, 4, 3), np.uint16), ((4, 4, 4), np.uint8), ((0, 4), np.uint16)]
)
def test_write_png_refuses_other_arrays(tmp_path, shape, dtype):
    with pytest.raises(ValueError, match="a PNG is"):
        images.write_png(tmp_path / "a.png", np.zeros(shape, dtype))
    assert not list(tmp_path.iterdir())
