from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from clips import portrait, write_clip
from encoded import assert_near, quadrants
from PIL import Image

from facelm.pictures.files import ImageError
from facelm.video.clips import Clip

NUMBERED = [np.full((48, 64, 3), 20 * number, np.uint8) for number in range(10)]


def grey(rgb: np.ndarray) -> float:
    return float(rgb.mean() / 20)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "libx264"), ("mov", "libx264"), ("mkv", "libx264"), ("webm", "libvpx"), ("avi", "mjpeg")],
)
def test_frames_come_in_order_with_their_times(tmp_path: Path, suffix: str, codec: str) -> None:
    clip = Clip(write_clip(tmp_path / f"a.{suffix}", NUMBERED, codec=codec, options={}))
    frames = list(clip.read())
    assert [frame.number for frame in frames] == list(range(10)) and clip.count == 10
    np.testing.assert_allclose([frame.timestamp for frame in frames], np.arange(10) / 25, atol=5e-4)
    np.testing.assert_allclose([grey(frame.rgb) for frame in frames], range(10), atol=0.2)
    assert not clip.faults


def test_variable_times_are_kept(tmp_path: Path) -> None:
    times = [0, 40, 95, 100, 300, 310, 320, 700, 733, 1000]
    clip = Clip(write_clip(tmp_path / "a.mp4", NUMBERED, milliseconds=times))
    assert [round(1000 * frame.timestamp) for frame in clip.read()] == times


def test_every_third_frame_keeps_its_number_and_time(tmp_path: Path) -> None:
    frames = list(Clip(write_clip(tmp_path / "a.mp4", NUMBERED)).read(3))
    assert [frame.number for frame in frames] == [0, 3, 6, 9]
    assert frames[2].timestamp == pytest.approx(0.24)


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_rotation_is_applied(tmp_path: Path, rotation: float, turns: int) -> None:
    path = write_clip(tmp_path / "a.mp4", [quadrants()] * 3, rotation=rotation)
    for frame in Clip(path).read():
        assert_near(frame.rgb, np.rot90(quadrants(), turns), 12)


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_animated_pictures(tmp_path: Path, format: str) -> None:
    first, *rest = (Image.fromarray(rgb) for rgb in NUMBERED[:4])
    first.save(tmp_path / f"a.{format}", save_all=True, append_images=rest, duration=[40, 80, 200, 40])
    clip = Clip(tmp_path / f"a.{format}")
    frames = list(clip.read())
    assert [round(1000 * frame.timestamp) for frame in frames] == [0, 40, 120, 320] and clip.count == 4
    np.testing.assert_allclose([grey(frame.rgb) for frame in frames], range(4), atol=0.2)


def test_a_file_that_is_cut_off_ends_with_what_it_held(tmp_path: Path) -> None:
    frames = [portrait(2 * number) for number in range(30)]
    options = {"movflags": "faststart"}
    path = write_clip(tmp_path / "a.mp4", frames, container_options=options, options={"g": "5", "bf": "0"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    clip = Clip(path)
    held = list(clip.read())
    assert 8 < len(held) < 25
    assert any("ends early" in fault for fault in clip.faults)


def test_a_damaged_frame_is_named_and_the_rest_go_on(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mp4", [portrait(2 * number) for number in range(20)], options={"bf": "0", "g": "10"}
    )
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.pos is not None]
    data = bytearray(path.read_bytes())
    place, size = packets[12]
    data[place + size // 4 : place + 3 * size // 4] = np.random.default_rng(0).bytes(3 * size // 4 - size // 4)
    path.write_bytes(data)
    clip = Clip(path)
    held = list(clip.read())
    assert len(held) >= 18 and held[-1].timestamp == pytest.approx(0.76)
    (fault,) = clip.faults
    assert "damaged" in fault and "left out, at 0." in fault


def test_what_is_no_clip_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "empty.mkv").touch()
    for name in ("text.mp4", "empty.mkv", "gone.mov"):
        with pytest.raises(ImageError, match=name):
            Clip(tmp_path / name)


def test_no_thread_is_left_when_nobody_reads_on(tmp_path: Path) -> None:
    import threading

    path = write_clip(tmp_path / "a.mp4", NUMBERED * 10)
    frames = Clip(path).read()
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "facelm-frames"]
