"""What every engine is: a network that is ready to run, whatever runs it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facelm.engines.weights import ModelInfo

STRIDE = 32
"""Networks take pictures whose sides are multiples of this, pixels."""


class Engine(Protocol):
    """A network that is ready to run.

    Attributes:
        info: What is known of it.
        way: In which it computes, one of `facelm.engines.ways`.
    """

    info: ModelInfo
    way: str

    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on pictures of one size.

        Args:
            rgb: (N, H, W, 3) uint8; H and W are multiples of `STRIDE`.

        Returns:
            (N, 19, H, W) float32 class probabilities.
        """
