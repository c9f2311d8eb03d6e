"""Pictures and clips that mean ill: endless, of many gigabytes, or made to take for ever."""

from __future__ import annotations

import io
import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import empty, write_clip
from PIL import Image

from facelm.parsing.masks import PROBABILITIES_WEIGHT
from facelm.parsing.parser import FaceParser
from facelm.pictures import images
from facelm.pictures.files import ImageError
from facelm.pictures.room import ROOM
from facelm.pictures.sources import Source
from facelm.runs import batch, clips
from facelm.runs.places import into_records


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


def test_what_is_written_of_a_picture_counts_with_its_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 30)).save(path)
    monkeypatch.setattr(ROOM, "alone", 40 * 30 * 2)

    def error(weight: float) -> str | None:
        source = Source(path, "a.png", "a")
        (outcome,) = batch.process([source], lambda *_: batch.Seen([]), lambda *_: None, weight=weight)
        return outcome.error

    assert error(1.0) is None
    assert PROBABILITIES_WEIGHT > 2 and error(PROBABILITIES_WEIGHT) == f"{path}: not enough memory for its 1,200 pixels"


def follow(path: Path, parser: FaceParser, **options: int) -> tuple[int, str | None]:
    """How many frames of a clip are followed, and what is wrong with it."""
    found = clips.process(
        Source(path, path.name, path.stem, **options), parser, clips.Following(), into_records(lambda *_: 1)
    )
    *frames, last = found
    return len(frames), last.error


def test_frames_of_clips_have_room_or_are_refused(
    tmp_path: Path, parser: FaceParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_clip(tmp_path / "a.mp4", [empty((64, 96))] * 3)
    Image.new("L", (96, 64)).save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("L", (96, 64), 99)])
    for each, count in ((path, 3), (tmp_path / "a.gif", 2)):
        assert follow(each, parser) == (count, None)
        assert follow(each, parser, max_pixels=6143)[1] == f"{each}: too many pixels (6,144; the limit is 6,143)"
        with monkeypatch.context() as patch:
            patch.setattr(ROOM, "alone", 4 * 6144)
            assert follow(each, parser) == (0, f"{each.name}: too large for the memory of this machine")


def test_frames_that_grow_beyond_what_the_clip_says_are_left_out(tmp_path: Path, parser: FaceParser) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuvj420p"
        for number, side in enumerate((64, 2048, 64)):
            encoded = io.BytesIO()
            Image.new("RGB", (side, side), (90, 90, 90)).save(encoded, "JPEG")
            packet = av.Packet(encoded.getvalue())
            packet.stream, packet.pts, packet.time_base = stream, number, Fraction(1, 25)
            packet.is_keyframe = True
            container.mux(packet)
    frames, told = follow(path, parser)
    assert frames == 2 and told and "damaged" in told
