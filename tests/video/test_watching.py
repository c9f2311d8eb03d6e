from __future__ import annotations

from pathlib import Path

import numpy as np
from clips import empty, portrait, write_clip

from facelm.parsing.parser import FaceParser
from facelm.video.clips import Clip
from facelm.video.watching import watch


def test_every_frame_comes_with_or_without_a_face(tmp_path: Path, parser: FaceParser) -> None:
    path = write_clip(tmp_path / "a.mp4", [portrait()] * 3 + [empty()] * 3)
    seen = list(watch(Clip(path), parser))
    assert [(each.frame.number, len(each.faces)) for each in seen] == [(0, 1), (1, 1), (2, 1), (3, 0), (4, 0), (5, 0)]
    again = list(watch(Clip(path), parser))
    for first, second in zip(seen[:3], again[:3], strict=True):
        assert np.array_equal(first.faces[0].landmarks.points, second.faces[0].landmarks.points)
