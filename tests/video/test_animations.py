from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facelm.pictures.files import ImageError
from facelm.pictures.images import MAX_PIXELS
from facelm.pictures.motion import is_clip
from facelm.video.animations import AnimationReader


def test_frames_that_claim_no_time_last_as_in_browsers(tmp_path: Path) -> None:
    pictures = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (0, 90, 180)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=0)
    assert [frame.timestamp for frame in AnimationReader(tmp_path / "a.gif", MAX_PIXELS).read(1)] == [0, 0.1, 0.2]


def test_what_is_no_animation_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_text("hello")
    with pytest.raises(ImageError, match=r"a\.gif"):
        AnimationReader(tmp_path / "a.gif", MAX_PIXELS)


@pytest.mark.parametrize("side", [9_000, 15_000, 30_000])
def test_one_that_claims_too_many_pixels_is_told_by_the_limit_of_pictures(
    side: int, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    frames = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (0, 90)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    data = bytearray((tmp_path / "a.gif").read_bytes())
    data[6:10] = 2 * side.to_bytes(2, "little")
    (tmp_path / "a.gif").write_bytes(data)
    if side**2 < MAX_PIXELS:  # but more than PIL likes
        assert AnimationReader(tmp_path / "a.gif", MAX_PIXELS).pixels == side**2 and is_clip(tmp_path / "a.gif")
    else:
        with pytest.raises(ImageError, match=rf"a\.gif: too many pixels \({side**2:,}; the limit is 200,000,000\)$"):
            AnimationReader(tmp_path / "a.gif", MAX_PIXELS)
    assert not recwarn.list
