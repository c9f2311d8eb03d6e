from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from clips import empty, portrait

from facelm.parsing.parser import FaceParser
from facelm.pictures.choice import Choice
from facelm.video.following import Follower
from facelm.video.frames import Frame


def tracks(parser: FaceParser, pictures: Iterable[np.ndarray], choice: Choice | None = None) -> list[list[int]]:
    follower = Follower(parser, choice)
    frames = (Frame(at, Fraction(at, 25), Fraction(1, 25), rgb) for at, rgb in enumerate(pictures))
    return [[face.track for face in follower.see(frame)] for frame in frames]


def test_one_face_that_moves_is_one_track(parser: FaceParser) -> None:
    assert tracks(parser, [portrait(4 * number) for number in range(8)]) == [[1]] * 8


def test_a_lost_face_is_waited_for_and_a_cut_ends_it(parser: FaceParser) -> None:
    hidden = portrait()
    hidden[40:125, 60:135] = 90
    assert tracks(parser, [portrait(), portrait(), hidden, hidden, portrait()]) == [[1], [1], [], [], [1]]
    assert tracks(parser, [portrait(), empty(), empty(), portrait()]) == [[1], [], [], [2]]


def test_two_faces_keep_their_numbers_and_most_is_a_limit(parser: FaceParser) -> None:
    both = [np.concatenate([portrait(2 * at), portrait(-at)[:, ::-1]], 1) for at in range(6)]
    assert tracks(parser, both) == [[1, 2]] * 6
    assert tracks(parser, both[:3], Choice(1)) == [[1]] * 3
