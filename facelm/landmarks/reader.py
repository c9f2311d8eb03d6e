"""Reading points off the contours of the regions of one parsed face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import total
from facelm.landmarks.contours import Outline, find_outline, find_outlines, sample_arc
from facelm.landmarks.points import POINTS
from facelm.parsing.face import Face
from facelm.pictures.crops import PLACES

TURNED = 10.0
"""Yaw in degrees from which on a face counts as turned."""

_REACH = 0.16
# Fractions of arcs and heights, fitted by hand to the points that people placed on studio portraits.
_BROW_ARC = (0.0, 0.17, 0.38, 0.63, 0.98)
_BROW_RISE = 0.5
_NOSE_ARC = (0.2, 0.38, 0.5, 0.62, 0.8)
_BRIDGE = (0.13, 0.32, 0.52, 0.72)
_LID_ARC = (0.27, 0.75)
_CANTHUS = (0.1, 0.05)
_UPPER_LIP_ARC = (0.19, 0.37, 0.5, 0.63, 0.81)
_LOWER_LIP_ARC = (0.15, 0.32, 0.5, 0.68, 0.85)
_INNER_LIP_ARC = (0.34, 0.5, 0.66)
_INNER_CORNER = 0.08
_ACROSS = np.linspace(0.08, 0.92, 64)  # places on a line from the upper edge of the lips to the lower
_EAR_LEVEL = 0.02
_EAR_BAND = 0.01
_RIDGE = (0.13, 0.42, 0.71, 1.0)
_PROFILE = 30.0


class ContourReader:
    """Reads the points of one crop, part by part, into ``points``; NaN where there is no region to read."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.size = face.probabilities.shape[1]
        self.points = np.full((POINTS, 2), np.nan)
        self.confidence = np.full(POINTS, np.nan)
        self.centroids: dict[str, NDArray[np.float64]] = {}
        self.nose: Outline | None = None
        self.bridge = np.full((4, 2), np.nan)

    def read(self) -> None:
        """Read all that is to be seen."""
        self.read_eyes()
        self.read_brows()
        self.read_nose()
        self.read_lips()
        self.read_jaw()

    def probability(self, *names: str) -> NDArray[np.float32]:
        """Probability that a pixel is of any of the classes named: (S, S)."""
        return total(self.face.probabilities, classes.indices(*names))

    def put(self, start: int, points: NDArray[np.float64], confidence: float) -> None:
        """Write consecutive points."""
        self.points[start : start + len(points)] = points
        self.confidence[start : start + len(points)] = confidence

    def read_eyes(self) -> None:
        """36-41 and 42-47: corners at the ends of the eye's own axis, lids at fractions of the arcs between.

        The inner corner lies beyond the region, which leaves out the caruncle.
        """
        outlines = self._pair("eye")
        for side, start in (("r", 36), ("l", 42)):
            outline = outlines.get(side)
            if outline is None:
                continue
            left, right = outline.ends()
            upper, lower = outline.arcs(left, right)
            inward = 1 if side == "r" else -1
            at = _LID_ARC if side == "r" else tuple(1 - fraction for fraction in reversed(_LID_ARC))
            lids = sample_arc(upper, at), sample_arc(lower, at)
            corners = outline.points[[left, right]]
            axis = corners[1] - corners[0]
            across = np.array([-axis[1], axis[0]])
            corners[1 if side == "r" else 0] += inward * _CANTHUS[0] * axis + _CANTHUS[1] * across
            eye = [corners[0], *lids[0], corners[1], *lids[1][::-1]]
            self.put(start, np.array(eye), outline.confidence)
            self.centroids["right_pupil" if side == "r" else "left_pupil"] = outline.centroid

    def read_brows(self) -> None:
        """17-21 and 22-26: along the brow, between its centre line and its upper edge, closer towards the temple."""
        outlines = self._pair("brow")
        for side, start in (("r", 17), ("l", 22)):
            outline = outlines.get(side)
            if outline is None:
                continue
            upper, lower = outline.arcs(*outline.ends())
            at = np.array(_BROW_ARC) if side == "r" else 1 - np.array(_BROW_ARC[::-1])
            above, below = sample_arc(upper, at), sample_arc(lower, at)
            centre = (above + below) / 2
            self.put(start, centre + _BROW_RISE * (above - centre), outline.confidence)

    def _pair(self, part: str) -> dict[str, Outline]:
        """The outlines of a left and a right part, told apart by where they are, alone by their class."""
        whole = self.probability(f"l_{part}", f"r_{part}")
        expected = [np.array(PLACES[f"{side}_{part}"]) * self.size for side in "rl"]
        outlines = find_outlines(whole, expected, _REACH * self.size)
        found = {side: outline for side, outline in zip("rl", outlines, strict=True) if outline is not None}
        if len(found) == 2 and np.linalg.norm(found["r"].centroid - found["l"].centroid) < 0.02 * self.size:
            column, row = np.rint(found["r"].centroid).astype(int)
            left = self.probability(f"l_{part}")[row, column] > self.probability(f"r_{part}")[row, column]
            del found["r" if left else "l"]
        return found

    def read_nose(self) -> None:
        """27-30 down the middle of the nose, 31-35 along its base from wing to wing."""
        expected = np.array(PLACES["nose"]) * self.size
        outline = find_outline(self.probability("nose"), expected, _REACH * self.size)
        if outline is None:
            return
        self.centroids["nose"] = outline.centroid
        points = outline.points
        top, bottom = points[:, 1].min(), points[:, 1].max()
        height = bottom - top
        low = np.flatnonzero(points[:, 1] > top + 0.55 * height)
        left, right = low[points[low, 0].argmin()], low[points[low, 0].argmax()]
        base = sample_arc(outline.arcs(int(left), int(right))[1], _NOSE_ARC)
        crown = points[points[:, 1] < top + 0.08 * height].mean(0)
        tip = base[2]
        bridge = crown + np.array(_BRIDGE)[:, None] * (tip - crown)
        self.put(27, np.concatenate([bridge, base]), outline.confidence)
        self.nose, self.bridge = outline, bridge

    def turn_nose(self, yaw: float) -> None:
        """Move 27-30 from the middle of the nose towards the edge that the nose of a turned face shows.

        Args:
            yaw: Of the head, degrees.
        """
        if self.nose is None:
            return
        points = self.nose.points
        facing = points[:, 0] * np.sign(yaw)
        top, tip = int(points[:, 1].argmin()), int(facing.argmax())
        ways = self.nose.arcs(top, tip)
        ridge = sample_arc(max(ways, key=lambda way: (way[:, 0] * np.sign(yaw)).mean()), _RIDGE)
        share = np.clip((abs(yaw) - TURNED) / _PROFILE, 0, 1)
        self.points[27:31] = (1 - share) * self.bridge + share * ridge

    def read_lips(self) -> None:
        """48-59 along the outer edge of the lips, 60-67 along the inner one, also of a closed mouth."""
        expected = np.array(PLACES["lips"]) * self.size
        whole = self.probability(*classes.LIPS)
        outline = find_outline(whole, expected, _REACH * self.size)
        if outline is None:
            return
        self.centroids["mouth"] = outline.centroid
        left, right = outline.ends()
        upper, lower = outline.arcs(left, right)
        above, below = sample_arc(upper, _UPPER_LIP_ARC), sample_arc(lower, _LOWER_LIP_ARC)
        above[1:4] = _cupids_bow(upper, above[1:4])
        corners = outline.points[[left, right]]
        outer = [corners[0], *above, corners[1], *below[::-1]]
        self.put(48, np.array(outer), outline.confidence)
        self.put(60, self._inner_lips(corners, upper, lower), outline.confidence)

    def _inner_lips(
        self, corners: NDArray[np.float64], upper: NDArray[np.float64], lower: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Where the upper lip ends and the lower lip begins, on lines across the mouth: (8, 2), iBUG order."""
        top, bottom = sample_arc(upper, _INNER_LIP_ARC), sample_arc(lower, _INNER_LIP_ARC)
        lines = top[:, None] + _ACROSS[:, None] * (bottom - top)[:, None]
        at = lines.astype(np.float32)
        layers = (self.face.probabilities[classes.INDEX[name]] for name in ("u_lip", "mouth", "l_lip"))
        u, m, low = (cv2.remap(layer, at[..., 0], at[..., 1], cv2.INTER_LINEAR) for layer in layers)
        first = [_crossing(*each) for each in zip(m + low - u, lines, strict=True)]
        second = [_crossing(*each) for each in zip(low - u - m, lines, strict=True)]
        inset = _INNER_CORNER * (corners[1] - corners[0])
        return np.array([corners[0] + inset, *first, corners[1] - inset, *second[::-1]])

    def read_jaw(self) -> None:
        """0-16 along the lower outline of the face, from ear to ear; 8 where the middle of the face meets it."""
        whole = self.probability(*classes.FACE)
        outline = find_outline(whole, np.array([0.5, 0.58]) * self.size, 0.4 * self.size)
        if outline is None:
            return
        points = outline.points
        eyes = np.array([self._part_centre("r_eye"), self._part_centre("l_eye")]).mean(0)
        level = eyes[1] + _EAR_LEVEL * self.size
        band = np.flatnonzero(abs(points[:, 1] - level) < _EAR_BAND * self.size)
        chin = _crossing_below(points, eyes, self._part_centre("lips"))
        if not band.size or chin is None:
            return
        left, right = (int(band[i]) for i in (points[band, 0].argmin(), points[band, 0].argmax()))
        arc = outline.arcs(left, right)[1]
        nearest = int(np.linalg.norm(arc - chin, axis=1).argmin())
        if not 2 < nearest < len(arc) - 3:
            return
        at = np.linspace(0, 1, 9)
        jaw = np.concatenate([sample_arc(arc[: nearest + 1], at), sample_arc(arc[nearest:], at)[1:]])
        self.put(0, jaw, outline.confidence)

    def _part_centre(self, part: str) -> NDArray[np.float64]:
        """Where a part is, or where it should be."""
        names = {"r_eye": "right_pupil", "l_eye": "left_pupil", "lips": "mouth"}
        return self.centroids.get(names[part], np.array(PLACES[part]) * self.size)


def _cupids_bow(upper: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two peaks of the upper lip and the dip between them, near where they are expected: (3, 2).

    Where the lip has no dip, the expected points stay.
    """
    chord = upper[-1] - upper[0]
    along = (upper - upper[0]) @ chord / (chord @ chord)
    height = (upper - upper[0]) @ (chord[1], -chord[0])
    middle = ((expected - upper[0]) @ chord / (chord @ chord))[1]
    flank = 0.22
    first = np.flatnonzero((along > middle - flank) & (along < middle))
    second = np.flatnonzero((along > middle) & (along < middle + flank))
    if first.size < 3 or second.size < 3:
        return expected
    peaks = first[height[first].argmax()], second[height[second].argmax()]
    if peaks[0] >= peaks[1]:  # the outline runs back
        return expected
    dip = peaks[0] + int(height[peaks[0] : peaks[1] + 1].argmin())
    if dip in peaks:
        return expected
    return (expected + upper[[peaks[0], dip, peaks[1]]]) / 2


def _crossing(values: NDArray[np.float32], line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where values (N,) at points (N, 2) of a line first turn positive; the middle of the line if they do not."""
    rising = np.flatnonzero((values[:-1] <= 0) & (values[1:] > 0))
    if not rising.size:
        return (line[0] + line[-1]) / 2 if values[0] <= 0 else line[0]
    i = int(rising[0])
    share = -values[i] / (values[i + 1] - values[i])
    crossing: NDArray[np.float64] = line[i] + share * (line[i + 1] - line[i])
    return crossing


def _crossing_below(
    points: NDArray[np.float64], eyes: NDArray[np.float64], mouth: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Where the line from the eyes through the mouth leaves the outline."""
    down = (mouth - eyes) / np.linalg.norm(mouth - eyes)
    along, across = (points - eyes) @ down, (points - eyes) @ (-down[1], down[0])
    lower = along > np.linalg.norm(mouth - eyes)
    if not lower.any():
        return None
    nearest = np.flatnonzero(lower)[abs(across[lower]).argmin()]
    chin: NDArray[np.float64] = points[nearest]
    return chin
