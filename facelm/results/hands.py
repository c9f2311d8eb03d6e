"""Records of hands: how they are made, and their parts of JSON, CSV and NumPy files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facelm.hands.points import POINTS
from facelm.results.records import (
    CONFIDENCE_DECIMALS,
    HandRecord,
    PictureRecord,
    plain_text,
    rounded,
)

if TYPE_CHECKING:
    from facelm.hands.find import Hand
    from facelm.results.faces import Encoder


def describe_hands(
    hands: Sequence[Hand],
    height: int,
    width: int,
    encode: Encoder | None = None,
    solid: bool = False,
    min_confidence: float = 0.0,
    tracks: Sequence[int] | None = None,
) -> tuple[HandRecord, ...]:
    """Hands as they are written to files.

    Args:
        hands: What ``HandFinder.find`` found.
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        encode: Also encode the region of each hand, which COCO files hold.
        solid: Also give the landmarks in three dimensions.
        min_confidence: A point whose confidence, as it is written, is below it counts as not visible.
        tracks: Number of each hand in its clip.
    """
    from facelm.hands.masks import paste_hands

    return tuple(
        HandRecord(
            hand.box,
            hand.score,
            hand.side,
            hand.points,
            hand.confidence,
            hand.visible & (hand.confidence.round(CONFIDENCE_DECIMALS) >= min_confidence),
            encode(paste_hands([hand], height, width) > 0) if encode else None,
            np.column_stack([hand.points, hand.depth]) if solid else None,
            None if tracks is None else tracks[at],
        )
        for at, hand in enumerate(hands)
    )


def to_json(hand: HandRecord) -> dict[str, Any]:
    """The hand as it stands in JSON lines."""
    return {
        "box": rounded(hand.box, 2),
        "score": rounded(hand.score, 4),
        "side": hand.side,
        **({} if hand.track is None else {"track": hand.track}),
        "landmarks": rounded(hand.landmarks, 2),
        "confidence": rounded(hand.confidence, CONFIDENCE_DECIMALS),
        "visible": np.asarray(hand.visible, np.bool_).tolist(),
        **({} if hand.landmarks_3d is None else {"landmarks_3d": rounded(hand.landmarks_3d, 2)}),
    }


def from_json(hand: dict[str, Any]) -> HandRecord:
    """What `to_json` made of a hand, as a record again."""
    return HandRecord(
        hand["box"],
        hand["score"],
        hand["side"],
        np.array(hand["landmarks"]),
        np.array(hand["confidence"]),
        np.array(hand["visible"]),
        landmarks_3d=np.array(hand["landmarks_3d"]) if "landmarks_3d" in hand else None,
        track=hand.get("track"),
    )


def csv_columns(solid: bool) -> list[str]:
    """Names of the columns of the table of hands, but for the last, the picture's."""
    names = [*(f"{axis}_{point}" for axis in ("xyXYZ" if solid else "xy") for point in range(POINTS))]
    names += [f"{kind}_{point}" for kind in ("confidence", "visible") for point in range(POINTS)]
    return ["frame", "hand_id", "timestamp", "confidence", "side", *names]


def csv_row(hand: HandRecord, number: int, frame: int, time: float) -> list[Any]:
    """The row of a hand, but for its last column.

    Args:
        hand: The hand.
        number: Among the hands of its picture, from 0; in a clip its track is told.
        frame: Number of the picture or of the frame, from 1.
        time: Seconds.
    """
    points = np.asarray(hand.landmarks).T.ravel()  # all x, then all y
    if hand.landmarks_3d is not None:
        points = np.concatenate([points, np.asarray(hand.landmarks_3d).T.ravel()])
    return [
        frame,
        number if hand.track is None else hand.track,
        time,
        rounded(hand.score, 4),
        hand.side,
        *rounded(points, 2),
        *rounded(hand.confidence, CONFIDENCE_DECIMALS),
        *np.asarray(hand.visible, np.int64).tolist(),
    ]


def to_arrays(records: Sequence[PictureRecord], solid: bool) -> dict[str, NDArray[Any]]:
    """The hands of all records as arrays, named ``hand_...``; empty where no record knows of hands."""
    if all(record.hands is None for record in records):
        return {}
    found = [(record, number, hand) for record in records for number, hand in enumerate(record.hands or ())]
    hands = [hand for _, _, hand in found]

    def stack(values: list[Any], *shape: int, dtype: type = np.float32) -> NDArray[Any]:
        return np.asarray(values, dtype).reshape(len(hands), *shape)  # keeps the shape when there is no hand

    arrays = {
        "hand_image": stack([plain_text(record.image) for record, _, _ in found], dtype=np.str_),
        "hand_id": stack([hand.track or number for _, number, hand in found], dtype=np.int64),
        "hand_box": stack([hand.box for hand in hands], 4),
        "hand_score": stack([hand.score for hand in hands]),
        "hand_side": stack([hand.side for hand in hands], dtype=np.str_),
        "hand_landmarks": stack([hand.landmarks for hand in hands], POINTS, 2),
        "hand_confidence": stack([hand.confidence for hand in hands], POINTS),
        "hand_visible": stack([hand.visible for hand in hands], POINTS, dtype=np.bool_),
    }
    if any(record.frame is not None for record, _, _ in found):
        arrays["hand_frame"] = stack(
            [-1 if record.frame is None else record.frame for record, _, _ in found], dtype=np.int64
        )
        arrays["hand_timestamp"] = stack([record.timestamp or 0.0 for record, _, _ in found], dtype=np.float64)
    if solid:
        arrays["hand_landmarks_3d"] = stack([hand.landmarks_3d for hand in hands], POINTS, 3)
    return arrays
