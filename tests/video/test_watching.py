from __future__ import annotations

from pathlib import Path

import numpy as np
from clips import empty, portrait, write_clip

from facelm.parsing.parser import FaceParser
from facelm.video.clips import Clip
from facelm.video.watching import Steadier, follow


def test_every_frame_comes_with_or_without_a_face(tmp_path: Path, parser: FaceParser) -> None:
    path = write_clip(tmp_path / "a.mp4", [portrait()] * 3 + [empty()] * 3)
    seen = list(map(Steadier(), follow(Clip(path), parser)))
    assert [(each.frame.number, len(each.faces)) for each in seen] == [(0, 1), (1, 1), (2, 1), (3, 0), (4, 0), (5, 0)]
    again = list(map(Steadier(), follow(Clip(path), parser)))
    for first, second in zip(seen[:3], again[:3], strict=True):
        assert np.array_equal(first.faces[0].landmarks.points, second.faces[0].landmarks.points)


def test_a_still_face_is_steady_in_points_box_and_masks(tmp_path: Path, parser: FaceParser) -> None:
    rng = np.random.default_rng(0)
    noisy = [(portrait() + rng.normal(0, 8, (160, 192, 3))).clip(0, 255).astype(np.uint8) for _ in range(24)]
    seen = list(follow(Clip(write_clip(tmp_path / "a.mp4", noisy)), parser))
    steady = list(map(Steadier(), seen))
    for measure in (
        lambda frame: frame.faces[0].landmarks.points,
        lambda frame: frame.faces[0].face.box,
        lambda frame: frame.faces[0].face.probabilities[1],
    ):
        before, after = (np.std([measure(frame) for frame in frames[8:]], 0).mean() for frames in (seen, steady))
        assert after < 0.6 * before
    without = list(map(Steadier(masks=False), seen))
    assert without[9].faces[0].face.probabilities is seen[9].faces[0].face.probabilities
