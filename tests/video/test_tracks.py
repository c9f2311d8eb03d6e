from __future__ import annotations

import numpy as np
from clips import portrait

from facelm.finding.finder import Detection
from facelm.pictures.crops import FIVE_PLACES
from facelm.video.tracks import Look, Track, assign, bound_points, overlap, take_look

POINTS = 100 * np.array(FIVE_PLACES)
LOOK = take_look(portrait(), POINTS)
ONE, OTHER = (
    Look(*(np.eye(2, len(part), dtype=np.float32)[at] for part in (LOOK.shades, LOOK.colours))) for at in (0, 1)
)


def track(x: float, look: Look = LOOK, seen: float = 0.0) -> Track:
    return Track(POINTS + np.array([x, 0]), 0.9, seen, look, number=1)


def found(x: float, look: Look = LOOK, score: float = 0.9) -> tuple[Detection, Look]:
    points = POINTS + np.array([x, 0])
    return Detection(tuple(bound_points(points)), points, score), look


def test_faces_are_paired_by_place() -> None:
    tracks = [track(0), track(60)]
    assert sorted(assign(tracks, [found(64), found(300), found(4)], 0.04, 0.5)) == [(0, 2), (1, 0)]
    assert assign([], [found(0)], 0.04, 0.5) == [] == assign(tracks, [], 0.04, 0.5)


def test_looks_decide_where_places_do_not() -> None:
    tracks = [track(0, ONE), track(0, OTHER)]
    assert sorted(assign(tracks, [found(0, OTHER), found(0, ONE)], 0.04, 0.5)) == [(0, 1), (1, 0)]


def test_who_is_hardly_seen_gets_what_is_left() -> None:
    assert assign([track(0)], [found(0, score=0.2), found(10)], 0.04, 0.5) == [(0, 1)]
    assert assign([track(0)], [found(0, score=0.2)], 0.04, 0.5) == [(0, 0)]


def test_a_face_that_comes_back_elsewhere_is_known_by_its_looks() -> None:
    assert assign([track(0, ONE)], [found(70, ONE)], 0.5, 0.5) == [(0, 0)]
    assert assign([track(0, ONE)], [found(70, OTHER)], 0.5, 0.5) == []
    assert assign([track(0, ONE)], [found(70, ONE)], 0.04, 0.5) == []  # nobody is so quick


def test_a_lost_face_is_waited_for_along_its_way() -> None:
    moving = track(0, ONE)
    for frame in range(1, 11):
        moving.move(POINTS + np.array([15 * frame, 0]), frame / 25)
    np.testing.assert_allclose(moving.expect(0.48), POINTS + np.array([180, 0]), atol=1)
    assert assign([moving], [found(400, ONE)], 1.0, 0.5) == [(0, 0)]
    assert assign([moving], [found(150, ONE)], 1.0, 0.5) == []
    moving.lost = True
    for x in (150, 250, 400):
        assert assign([moving], [found(x, ONE)], 1.0, 0.5) == [(0, 0)]
    x0, _, x1, _ = moving.bound(1.0)
    assert x1 - x0 > 240


def test_followed_faces_are_paired_before_lost_ones() -> None:
    gone, there = track(0), track(10)
    gone.lost = True
    assert assign([gone, there], [found(0)], 0.04, 0.5) == [(1, 0)]
    assert sorted(assign([gone, there], [found(0), found(12)], 0.04, 0.5)) == [(0, 0), (1, 1)]


def test_a_lost_face_is_none_of_other_colours() -> None:
    gone = track(0, ONE)
    gone.lost = True
    assert assign([gone], [found(0, ONE)], 0.5, 0.5) == [(0, 0)]
    assert assign([gone], [found(0, Look(ONE.shades, OTHER.colours))], 0.5, 0.5) == []
    assert assign([gone], [found(0, Look(OTHER.shades, ONE.colours))], 0.5, 0.5) == [(0, 0)]  # it may have turned


def test_colours_tell_heads_apart_that_shades_take_for_one() -> None:
    other = take_look(portrait()[..., ::-1], POINTS)
    assert LOOK.colours @ other.colours < 0.3 < 0.6 < take_look(portrait(2), POINTS).colours @ LOOK.colours
    assert LOOK.shades @ other.shades > LOOK.colours @ other.colours


def test_looks_are_remembered_as_they_change() -> None:
    face = track(0, ONE)
    for _ in range(20):
        face.remember(OTHER)
    for part, other in ((face.look.shades, OTHER.shades), (face.look.colours, OTHER.colours)):
        assert part @ other > 0.99 and np.linalg.norm(part) == np.float32(1)


def test_overlap_of_boxes() -> None:
    first = np.array([[0.0, 0, 10, 10]])
    np.testing.assert_allclose(
        overlap(first, np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10]])), [[1, 1 / 3, 0]]
    )
