"""The table of the 68 landmarks of a face, in iBUG order."""

from __future__ import annotations

PARTS: dict[str, range] = {
    "jaw": range(0, 17),
    "right_brow": range(17, 22),
    "left_brow": range(22, 27),
    "nose_bridge": range(27, 31),
    "nose_base": range(31, 36),
    "right_eye": range(36, 42),
    "left_eye": range(42, 48),
    "outer_lips": range(48, 60),
    "inner_lips": range(60, 68),
}
"""The 68 landmarks by part, in iBUG order; left and right are the subject's."""

CLOSED = frozenset({"right_eye", "left_eye", "outer_lips", "inner_lips"})
"""The parts whose last point joins the first."""

POINTS = 68

MIRRORED_POINTS: tuple[int, ...] = (
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
"""The landmark that each one becomes when the picture is flipped left to right."""
