"""Values of more than eight bits, whole or floating, brought down to eight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DEEPEST = 65535


def to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values of a picture as eight bits, all channels alike.

    Args:
        values: Any shape, any type of number.

    Returns:
        The same shape. Whole numbers from 0 to 65535 keep their highest eight bits in use, counted from the highest
        value: so 10, 12 and 14 bits in files of 16 become as light as they are meant, and values below 256 stay.
        Others are stretched from the least (black) to the greatest (white); what is not finite is black.
    """
    if values.dtype == np.uint8 or not values.size:
        return values.astype(np.uint8)
    if values.dtype.kind in "iu" and values.min() >= 0 and (highest := int(values.max())) <= _DEEPEST:
        return (values >> max(0, highest.bit_length() - 8)).astype(np.uint8)
    wide = values.astype(np.float64)
    finite = np.isfinite(wide)
    wide[~finite] = 0
    low, high = (wide[finite].min(), wide[finite].max()) if finite.any() else (0.0, 0.0)
    if not high > low:
        return np.zeros(values.shape, np.uint8)
    with np.errstate(over="ignore", invalid="ignore"):  # float64 may span more than it can hold
        scaled = (wide / 2 - low / 2) * (255 / (high / 2 - low / 2))
    return np.where(finite, np.rint(np.nan_to_num(scaled)), 0).clip(0, 255).astype(np.uint8)


def to_share(alpha: NDArray[Any]) -> NDArray[np.float64]:
    """Opacity of any type of number as 0 to 1, by the range that it uses."""
    share = alpha.astype(np.float64)
    if alpha.dtype.kind in "iu" and alpha.size:
        share /= max(1, 2 ** int(alpha.max()).bit_length() - 1)
    return np.nan_to_num(share).clip(0, 1)


def lay_on_white(
    values: NDArray[Any], alpha: NDArray[Any] | None = None, multiplied: bool = False
) -> NDArray[np.uint8]:
    """Colours or greys of any depth as RGB of eight bits, on white where they are transparent.

    Args:
        values: (H, W, 3), or (H, W, 1) for grey.
        alpha: (H, W), or None for a picture that is opaque.
        multiplied: The values have been multiplied with alpha.

    Returns:
        (H, W, 3) uint8.
    """
    rgb = np.broadcast_to(to_8_bits(values), (*values.shape[:2], 3))
    if alpha is None:
        return rgb.copy()
    share = to_share(alpha)[..., None]
    shown = rgb if multiplied else rgb * share
    return np.rint(shown + 255 * (1 - share)).clip(0, 255).astype(np.uint8)
