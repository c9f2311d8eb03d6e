"""The One-Euro filter (Casiez et al., CHI 2012): steady when a value rests, quick when it moves.

A low pass whose cut-off frequency grows with the speed of what it filters. Values are filtered in groups that move
together, such as the points of an eye: the speed of a group is told from its noise far sooner than that of one number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SHORTEST = 1 / 30  # seconds; between frames that are closer, noise would count as speed
_SETTLED = 15  # values, of which the first ones are averaged


@dataclass(frozen=True)
class Response:
    """How a group of values is filtered.

    Attributes:
        rest: Cut-off frequency of what stands still, Hz.
        gain: Hz by which it grows for each unit of speed.
        calm: Speed that is taken for noise, units a second.
        agility: Cut-off frequency of the speed itself, Hz.
    """

    rest: float
    gain: float
    calm: float
    agility: float


class OneEuroFilter:
    """Filters a group of values by their true times.

    Args:
        response: How.
    """

    def __init__(self, response: Response) -> None:
        self.response = response
        self._time = 0.0
        self._count = 0
        self._values: NDArray[np.float64] | None = None
        self._speeds: NDArray[np.float64] | None = None

    def __call__(self, values: NDArray[np.float64], time: float, unit: float = 1.0) -> NDArray[np.float64]:
        """The values of the group, filtered.

        Args:
            values: (N, D), N points of D numbers.
            time: Seconds; later than that of the values before.
            unit: What the speeds of ``response`` are told in.
        """
        step = time - self._time
        self._time = time
        if self._values is None or self._speeds is None or step <= 0:
            self._values, self._speeds, self._count = values.copy(), np.zeros_like(values), 1
            return values
        new = (values - self._values) / max(step, _SHORTEST)
        self._speeds = self._speeds + share_of(self.response.agility, step) * (new - self._speeds)
        speed = float(np.sqrt((self._speeds**2).sum(1).mean())) / unit
        frequency = self.response.rest + self.response.gain * max(0.0, speed - self.response.calm)
        # Before much is known the mean of all values is steadier than the first of them.
        self._count += 1
        share = max(share_of(frequency, step), 1 / self._count if self._count < _SETTLED else 0)
        self._values = self._values + share * (values - self._values)
        return self._values


def share_of(frequency: float, step: float) -> float:
    """How much of a new value a low pass takes over after so many seconds."""
    return 1 / (1 + 1 / (2 * np.pi * frequency * step))
