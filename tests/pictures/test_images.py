import io
import os
import stat
import struct
import threading
import warnings
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from encoded import assert_near, encoded, noise, png, quadrants
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps

from facelm.pictures import images
from facelm.pictures.files import ImageError
from facelm.pictures.images import PICTURE_SUFFIXES, decode, read, read_mask, write_jpeg, write_mask

PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)


def assert_one_line(error: pytest.ExceptionInfo[ImageError], name: str | Path, cause: str) -> None:
    message = str(error.value)
    assert message.startswith(f"{name}: ")
    assert cause in message
    assert len(message.splitlines()) == 1


def temporaries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


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
    expected = ".jpg .jpeg .jpe .jfif .png .webp .tif .tiff .bmp .gif .heic .heif .hif .avif"
    assert frozenset(expected.split()) == PICTURE_SUFFIXES


# Errors


@pytest.mark.parametrize("function", [read, read_mask])
@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("missing.jpg", None, "no such file"),
        ("empty.jpg", b"", "empty file"),
        ("text.jpg", b"Dear diary,\n", "not a picture, or damaged (cannot identify image file)"),
        ("page.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "a PostScript document"),
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
    assert_one_line(error, str(path).replace("\n", "\\n").replace("\u2028", "\\u2028"), cause)


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

        def refuse(self, *_):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
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
    "pixels",
    [
        np.arange(60, dtype=np.uint8).reshape(4, 5, 3),
        np.arange(80, dtype=np.uint8).reshape(4, 5, 4),
        np.array([[0, 300], [65535, 7]], np.uint16),
    ],
)
def test_a_written_png_is_read_back(tmp_path, pixels):
    images.write_png(tmp_path / "sub" / "a.png", pixels)
    with Image.open(tmp_path / "sub" / "a.png") as picture:
        assert np.array_equal(np.array(picture), pixels)


@pytest.mark.parametrize(
    "shape, dtype", [((4, 4), np.uint8), ((4, 4, 3), np.uint16), ((4, 4, 5), np.uint8), ((0, 4), np.uint16)]
)
def test_write_png_refuses_other_arrays(tmp_path, shape, dtype):
    with pytest.raises(ValueError, match="a PNG is"):
        images.write_png(tmp_path / "a.png", np.zeros(shape, dtype))
    assert not list(tmp_path.iterdir())


# What phones write


def phone_picture(format: str, frames: list[Image.Image], orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    if format == "AVIF":
        frames[0].save(stream, format, quality=90, exif=exif, save_all=len(frames) > 1, append_images=frames[1:])
    else:
        heif = pillow_heif.HeifFile()
        for frame in frames:
            heif.add_from_pillow(frame)
        heif.save(stream, quality=90, exif=exif.tobytes())
    return stream.getvalue()


@pytest.mark.parametrize("format", ["HEIC", "AVIF"])
def test_pictures_of_phones_are_upright_and_the_first_of_several(format, astronaut):
    photo = Image.fromarray(astronaut[:200, :300])
    for orientation in (1, 3, 6, 8, 5):
        turned = photo.copy()
        turned.getexif()[0x0112] = orientation
        wanted = np.array(ImageOps.exif_transpose(turned))
        found = decode(phone_picture(format, [photo], orientation), "a")
        assert found.shape == wanted.shape
        assert np.abs(found.astype(int) - wanted).mean() < 3
    moving = decode(phone_picture(format, [photo, ImageOps.invert(photo)]), "a")
    assert np.abs(moving.astype(int) - np.array(photo)).mean() < 4
    photo.putalpha(Image.fromarray(np.pad(np.zeros((50, 300), np.uint8), ((0, 150), (0, 0)), constant_values=255)))
    assert (decode(phone_picture(format, [photo]), "a")[:40] > 250).all()


@pytest.mark.parametrize("format", ["HEIC", "AVIF"])
def test_damaged_pictures_of_phones_are_errors(format, astronaut):
    data = phone_picture(format, [Image.fromarray(astronaut)])
    for length in (20, 60, 250, len(data) // 2):
        with pytest.raises(ImageError) as error:
            decode(data[:length], "cut.heic")
        assert_one_line(error, "cut.heic", "damaged")
    with pytest.raises(ImageError, match=r"too many pixels \(262,144; the limit is 1,000\)"):
        decode(data, "a", 1000)
    assert decode(data, "a", 262_144).shape == (512, 512, 3)
