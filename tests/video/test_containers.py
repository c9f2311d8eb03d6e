from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import portrait, tone, write_clip

from facelm.pictures.files import ImageError
from facelm.pictures.images import MAX_PIXELS
from facelm.video.containers import ContainerReader


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    reader = ContainerReader(write_clip(tmp_path / "a.mp4", [portrait()] * 5, rate=10, sound=1.0), MAX_PIXELS)
    assert (reader.count, reader.rate, reader.aspect) == (5, 10, 1)
    assert reader.length == pytest.approx(0.5) and reader.time_base <= Fraction(1, 10)


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        audio = container.add_stream("aac", rate=16_000)
        audio.layout = "mono"
        container.mux(audio.encode(tone(0.5)))
        container.mux(audio.encode(None))
    with pytest.raises(ImageError, match=r"a\.mp4: holds no video"):
        ContainerReader(tmp_path / "a.mp4", MAX_PIXELS)
