"""What the values of masks stand for where they are no class indices: coarser labels, orders of other projects."""

from __future__ import annotations

import json
from pathlib import Path

from facelm import classes
from facelm.pictures.files import exists
from facelm.pictures.texts import read_text
from facelm.pictures.values import parse_json

_MOST = 223  # values, beside those of the classes and the unknown
Order = tuple[tuple[int, ...], ...]
"""For each value of a mask, the indices of the classes that it stands for; empty where values are class indices."""

_ZLLRUNNING = (
    "background skin l_brow r_brow l_eye r_eye eye_g l_ear r_ear ear_r "
    "nose mouth u_lip l_lip neck neck_l cloth hair hat"
)
KNOWN: dict[str, tuple[str, ...]] = {"celebamask": classes.NAMES, "zllrunning": tuple(_ZLLRUNNING.split())}
"""Orders of the 19 classes by name: CelebAMask-HQ's, which is facelm's, and that of zllrunning/face-parsing.PyTorch."""


def read_order(name: str | Path) -> Order:
    """What the values of masks stand for, by the name of a known order, or from a file.

    Args:
        name: One of ``KNOWN``, or a JSON file ``{"0": ["background", ...], "1": ["hair", ...], ...}``.

    Raises:
        ValueError: It is neither; the message says what is wanted.
    """
    if name in KNOWN:
        names = KNOWN[str(name)]
        return () if names == classes.NAMES else tuple((index,) for index in classes.indices(*names))
    try:
        read = parse_json(read_text(Path(name)))
        if not isinstance(read, dict) or not 0 < len(read) <= _MOST:
            raise ValueError(f"there may be 1 to {_MOST} values")
        order = tuple(tuple(classes.indices(*read[str(value)])) for value in range(len(read)))
        if not all(order):
            raise ValueError("a value without a class")
    except (OSError, ValueError, KeyError, TypeError) as error:
        wanted = 'wanted is {"0": ["background", ...], "1": ...}, with the names of the 19 classes'
        known = "" if exists(Path(name)) else f", or one of {', '.join(KNOWN)}"
        raise ValueError(f"{name}: cannot be used ({type(error).__name__}: {error}); {wanted}{known}") from error
    return order


def is_joined(order: Order) -> bool:
    """Whether a value stands for more than one class."""
    return any(len(members) > 1 for members in order)


def to_file(names: tuple[str, ...]) -> str:
    """The ``classes.json`` of an order of classes."""
    return json.dumps({str(value): [name] for value, name in enumerate(names)})
