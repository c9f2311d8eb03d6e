"""Constellations: where the parts of a face are in the canonical crop, and how well parts of a picture fit one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.pictures.crops import PLACES, kind

KINDS: dict[str, tuple[str, ...]] = {
    "eye": ("l_eye", "r_eye"),
    "brow": ("l_brow", "r_brow"),
    "nose": ("nose",),
    "lips": classes.LIPS,
    "ear": ("l_ear", "r_ear"),
    "eye_g": ("eye_g",),
}
"""Kinds of parts, and the classes of each."""

PROFILE: dict[str, tuple[float, float]] = {
    "r_brow": (0.442, 0.375),
    "r_eye": (0.437, 0.452),
    "nose": (0.527, 0.58),
    "lips": (0.473, 0.743),
    "r_ear": (0.038, 0.443),
    "eye_g": (0.49, 0.461),
}
"""Places in a face turned to its own left by 60 degrees or more, from its landmarks: medians over AFLW2000-3D."""

_WEIGHTS = {"eye": 0.8, "brow": 0.5, "nose": 1.0, "lips": 1.0, "ear": 0.8, "eye_g": 0.8}
_TOLERANCE = 0.11
_SCALE_TOLERANCE = 2.2


@dataclass(frozen=True)
class Constellation:
    """Where the parts of a face are in the canonical crop, seen from one side.

    Attributes:
        places: x, y of each part, fractions of the side.
        areas: Of each kind of part, as shares of the crop.
        full_support: That of a face with all its parts; glasses stand in for eyes.
    """

    places: Mapping[str, tuple[float, float]]
    areas: Mapping[str, float]
    full_support: float


# Areas are medians over CelebAMask-HQ, and over faces of AFLW2000-3D turned by 60 degrees or more.
FRONT = Constellation(PLACES, {"eye": 0.00226, "brow": 0.0041, "nose": 0.0205, "lips": 0.0125, "eye_g": 0.0525}, 4.6)
_LEFTWARD = Constellation(
    PROFILE, {"eye": 0.001, "brow": 0.002, "nose": 0.0168, "lips": 0.0039, "ear": 0.0142, "eye_g": 0.01}, 4.1
)
_RIGHTWARD = replace(_LEFTWARD, places={part.replace("r_", "l_"): (1 - x, y) for part, (x, y) in PROFILE.items()})
PROFILES = (_LEFTWARD, _RIGHTWARD)


@dataclass(frozen=True)
class Part:
    """A connected region of one kind: x, y of its centroid, its area and mean probability."""

    kind: str
    x: float
    y: float
    area: float
    probability: float


class Seats:
    """The parts of a picture, and each place of a constellation that each of them may take: S seats, place by place."""

    def __init__(self, parts: Sequence[Part], constellation: Constellation) -> None:
        self.constellation = constellation
        self.parts = parts
        slots = list(constellation.places)
        taken = np.array([[kind(slot) == part.kind for part in parts] for slot in slots])
        self.slot, self.part = np.nonzero(taken)
        self.starts = np.flatnonzero(np.diff(self.slot, prepend=-1))
        self.names = [slots[i] for i in self.slot[self.starts]]
        self.goals = np.array([complex(*constellation.places[slot]) for slot in slots])[self.slot]
        self.positions = np.array([complex(part.x, part.y) for part in parts])[self.part]
        self.sides = np.sqrt([part.area / constellation.areas[part.kind] for part in parts])[self.part]
        self.worth = np.array([part.probability * _WEIGHTS[part.kind] for part in parts])[self.part]

    def propose(self) -> NDArray[np.float64]:
        """Transforms (N, 2, 3) proposed by pairs of parts whose distance suits their sizes."""
        a, b = np.nonzero((self.slot[:, None] < self.slot) & (self.part[:, None] != self.part))
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = (self.goals[b] - self.goals[a]) / (self.positions[b] - self.positions[a])
            side = 1 / abs(turn)
            fits = np.isfinite(turn)
            for sizes in (self.sides[a], self.sides[b]):
                fits &= (side < sizes * _SCALE_TOLERANCE) & (sizes < side * _SCALE_TOLERANCE)
        turn, a = turn[fits], a[fits]
        shift = self.goals[a] - turn * self.positions[a]
        rows = np.array([(turn.real, -turn.imag, shift.real), (turn.imag, turn.real, shift.imag)])
        return np.ascontiguousarray(rows.transpose(2, 0, 1))

    def values(self, transforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """How well the best part for each place that has any agrees with each transform: (N, places)."""
        best: NDArray[np.float64] = np.maximum.reduceat(self._agree(transforms), self.starts, axis=1)
        return best

    def choose(self, transform: NDArray[np.float64]) -> dict[str, Part]:
        """The best part for each place, of those that agree at all."""
        agree = self._agree(transform[None])[0]
        chosen = {}
        for name, start, stop in zip(self.names, self.starts, [*self.starts[1:], len(agree)], strict=True):
            best = start + int(agree[start:stop].argmax())
            if agree[best] > 0:
                chosen[name] = self.parts[self.part[best]]
        return chosen

    def _agree(self, transforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """How well the part on each seat agrees with each transform: (N, S)."""
        turn, shift = transforms[:, :, 0] @ (1, 1j), transforms[:, :, 2] @ (1, 1j)
        distance = abs(turn[:, None] * self.positions + shift[:, None] - self.goals) / _TOLERANCE
        size = abs(turn)[:, None] * self.sides
        agree: NDArray[np.float64] = np.exp(-(distance**2)) * self.worth
        agree[(distance > 1) | (size > _SCALE_TOLERANCE) | (size < 1 / _SCALE_TOLERANCE)] = 0
        return agree
