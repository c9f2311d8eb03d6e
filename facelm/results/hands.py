"""Records of hands: how they are made, and their parts of JSON and CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from facelm.hands.points import POINTS
from facelm.results.records import (
    CONFIDENCE_DECIMALS,
    HandRecord,
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
