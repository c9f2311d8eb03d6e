from __future__ import annotations

from facelm.landmarks.points import PARTS


def test_parts_cover_each_point_once_in_order():
    assert [point for part in PARTS.values() for point in part] == list(range(68))
