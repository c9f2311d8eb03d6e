from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from clips import portrait, write_clip
from encoded import assert_near, quadrants

from facelm.video.clips import Clip
from facelm.video.writing import write_video


def test_times_sound_and_pixels_are_those_of_the_clip(tmp_path: Path) -> None:
    times = [0, 40, 95, 130, 300, 310, 500, 700, 733, 960]
    clip = Clip(write_clip(tmp_path / "a.mp4", [quadrants()] * 10, milliseconds=times, sound=1.0))
    with write_video(tmp_path / "b.mp4", clip) as writer:
        for frame in clip.read():
            writer.write(frame, frame.rgb)
    frames = list(Clip(tmp_path / "b.mp4").read())
    assert [round(1000 * frame.timestamp) for frame in frames] == times
    assert_near(frames[5].rgb, quadrants(), 12)
    with av.open(str(tmp_path / "a.mp4")) as before, av.open(str(tmp_path / "b.mp4")) as after:
        (video,), (sound,) = after.streams.video, after.streams.audio
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        told = [float(each.duration * each.time_base) for each in (before.streams.video[0], video)]
        assert told[0] == pytest.approx(told[1], abs=0.002)
        assert sound.codec_context.name == "aac"
        wave = [
            np.concatenate([frame.to_ndarray().ravel() for frame in each.decode(audio=0)]) for each in (before, after)
        ]
        assert abs(len(wave[0]) - len(wave[1])) <= 2048 and np.array_equal(wave[0][:12_000], wave[1][:12_000])


def test_odd_sides_are_made_even(tmp_path: Path) -> None:
    clip = Clip(write_clip(tmp_path / "a.mkv", [portrait()] * 2))
    with write_video(tmp_path / "b.mp4", clip) as writer:
        for frame in clip.read():
            writer.write(frame, np.ascontiguousarray(frame.rgb[:-1, :-3]))
    assert next(Clip(tmp_path / "b.mp4").read()).rgb.shape == (160, 190, 3)


def test_masks_come_back_as_they_were(tmp_path: Path) -> None:
    clip = Clip(write_clip(tmp_path / "a.mp4", [portrait()] * 5))
    masks = np.random.default_rng(0).integers(0, 19, (5, 161, 93), np.uint8)
    with write_video(tmp_path / "b.mask.mkv", clip, masks=True) as writer:
        for frame, mask in zip(clip.read(), masks, strict=True):
            writer.write(frame, mask)
    with av.open(str(tmp_path / "b.mask.mkv")) as container:
        back = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert np.array_equal(back, masks)


def test_nothing_is_left_of_what_failed(tmp_path: Path) -> None:
    clip = Clip(write_clip(tmp_path / "a.mp4", [portrait()] * 3))
    with pytest.raises(KeyError), write_video(tmp_path / "b.mp4", clip) as writer:
        for frame in clip.read():
            writer.write(frame, frame.rgb)
            raise KeyError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4"]


@pytest.mark.parametrize("rate", [12, 30, 50])
def test_the_last_frame_lasts_as_long_as_it_did(tmp_path: Path, rate: int) -> None:
    clip = Clip(write_clip(tmp_path / "a.mp4", [portrait()] * 20, rate=rate))
    with write_video(tmp_path / "b.mp4", clip) as writer:
        for frame in clip.read():
            writer.write(frame, frame.rgb)
    with av.open(str(tmp_path / "b.mp4")) as container:
        video = container.streams.video[0]
        assert float(video.duration * video.time_base) == pytest.approx(20 / rate, abs=0.001)
