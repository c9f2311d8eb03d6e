from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from clips import empty, portrait, to_jpeg
from drawn_hands import draw_hand

from facelm.parsing.parser import FaceParser
from facelm.pictures import images
from facelm.pictures.files import ImageError
from facelm.video.live import MOST_PIXELS, LiveView, Switches


@pytest.fixture
def view(parser: FaceParser) -> LiveView:
    """Frames come 25 times a second."""
    ticks: Iterator[float] = (at / 25 for at in range(1000))
    return LiveView(lambda name: parser, lambda: next(ticks))


def test_mask_and_points_are_drawn_as_they_are_switched_on(view: LiveView) -> None:
    rgb, drawn = portrait(), {}
    for name, switches in {
        "none": Switches(mask=False, points=False), "mask": Switches(points=False), "points": Switches(mask=False),
    }.items():  # fmt: skip
        found = view.draw("a", to_jpeg(rgb), switches)
        assert found.faces == 1 and found.seconds > 0
        drawn[name] = images.decode(found.jpeg, "drawn").astype(int)
        assert drawn[name].shape == rgb.shape
    apart = {name: (abs(each - drawn["none"]).max(2) > 30).mean() for name, each in drawn.items()}
    assert abs(drawn["none"] - rgb).mean() < 3
    assert apart["mask"] > 0.1 and 0.005 < apart["points"] < 0.1


def test_hands_are_drawn_where_they_are_asked_for(view: LiveView) -> None:
    rgb = np.concatenate([draw_hand(), portrait(size=(300, 300))], 1)
    drawn = []
    for hands in (False, True, True, False):
        found = view.draw("a", to_jpeg(rgb), Switches(mask=False, points=False, hands=hands))
        assert (found.faces, found.hands) == (1, int(hands))
        drawn.append(images.decode(found.jpeg, "drawn").astype(int))
    changed = abs(drawn[1] - drawn[0]).max(2) > 40
    assert changed[:, :300].sum() > 500 and not changed[:, 330:].any()
    assert abs(drawn[3] - drawn[0]).max() < 40


def test_pages_do_not_share_faces_and_an_empty_one_has_none(view: LiveView) -> None:
    for session in "abcdef":
        assert view.draw(session, to_jpeg(portrait()), Switches()).faces == 1
    assert view.draw("f", to_jpeg(empty()), Switches(smooth=False)).faces == 0
    assert view.draw("g", to_jpeg(empty()), Switches()).faces == 0


def test_what_is_no_frame_is_refused(view: LiveView) -> None:
    wide = to_jpeg(np.zeros((8, MOST_PIXELS // 8 + 8, 3), np.uint8)[:, :60_000])
    assert view.draw("a", wide, Switches()).faces == 0
    for data, cause in ((b"GIF89a", "no JPEG"), (b"", "no JPEG"), (to_jpeg(portrait())[:900], "truncated")):
        with pytest.raises(ImageError, match=cause):
            view.draw("a", data, Switches())
    large = to_jpeg(np.zeros((1300, 1920, 3), np.uint8))
    with pytest.raises(ImageError, match="pixels; the limit is"):
        view.draw("a", large, Switches())
