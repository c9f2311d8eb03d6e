from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from clips import portrait, write_clip

from facelm.video.clips import Clip
from facelm.video.writing import write_video


def rewrite(path: Path, frames: int | None = None) -> Path:
    """Write a clip as an overlay is written, or only its first frames."""
    clip, written = Clip(path), path.with_name("written.mp4")
    with write_video(written, clip) as writer:
        for frame in clip.read():
            if frames is None or frame.number < frames:
                writer.write(frame, frame.rgb)
    return written


def listen(path: Path) -> tuple[str, np.ndarray, int]:
    """Codec, wave, -1 to 1, and rate of the sound of a clip."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        wave = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        return container.streams.audio[0].codec_context.name, wave, frames[0].sample_rate


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_sound_that_an_mp4_cannot_hold_is_encoded(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"a{suffix}", [portrait()] * 25, sound=1.0, sound_codec="pcm_s16le")
    name, wave, rate = listen(rewrite(path))
    assert name == "aac" and rate == 16_000
    assert len(wave) / rate == pytest.approx(1, abs=0.15)
    middle = wave[4000:12_000]
    loudest = np.abs(np.fft.rfft(middle)).argmax() * rate / len(middle)
    assert loudest == pytest.approx(440, abs=5) and np.abs(middle).max() == pytest.approx(8000 / 32_768, abs=0.05)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_ends_with_the_pictures(tmp_path: Path, codec: str) -> None:
    path = write_clip(tmp_path / "a.mkv", [portrait()] * 50, sound=2.0, sound_codec=codec)
    _, wave, rate = listen(rewrite(path, frames=10))
    assert 0.3 < len(wave) / rate < 0.6


def test_a_clip_without_sound_stays_silent(tmp_path: Path) -> None:
    with av.open(str(rewrite(write_clip(tmp_path / "a.mp4", [portrait()] * 3)))) as container:
        assert not container.streams.audio
