from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facelm.pictures.files import ImageError
from facelm.pictures.images import MAX_PIXELS
from facelm.video.animations import AnimationReader


def test_frames_that_claim_no_time_last_as_in_browsers(tmp_path: Path) -> None:
    pictures = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (0, 90, 180)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=0)
    assert [frame.timestamp for frame in AnimationReader(tmp_path / "a.gif", MAX_PIXELS).read(1)] == [0, 0.1, 0.2]


def test_what_is_no_animation_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_text("hello")
    with pytest.raises(ImageError, match=r"a\.gif"):
        AnimationReader(tmp_path / "a.gif", MAX_PIXELS)
