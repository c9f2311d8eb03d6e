"""CSV with the columns of OpenFace (Baltrušaitis et al., FG 2018), which mean what they mean there."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from facelm.landmarks.points import POINTS
from facelm.results.hands import csv_columns, csv_row
from facelm.results.records import TIME_DECIMALS, FaceRecord, PictureRecord, plain_text, rounded

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ABOUT = ("frame", "face_id", "timestamp", "confidence", "success")
_POSE = ("pose_Rx", "pose_Ry", "pose_Rz")


def dump_csv(
    records: Iterable[PictureRecord], stream: TextIO, solid: bool = False, hand_stream: TextIO | None = None
) -> None:
    """Write a row for each face, and one for each picture or frame without a face; flushed after each picture.

    Args:
        records: May be a generator.
        stream: Open for text with ``newline=""``.
        solid: Also write X_0 ... Z_67. OpenFace has them in millimetres; these are in pixels.
        hand_stream: Likewise open, for a table of the hands, of which OpenFace knows nothing.
    """
    coordinates = [f"{axis}_{point}" for axis in ("xyXYZ" if solid else "xy") for point in range(POINTS)]
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*_ABOUT, *_POSE, *coordinates, "image"])
    hand_writer = csv.writer(hand_stream, lineterminator="\n") if hand_stream else None
    if hand_writer:
        hand_writer.writerow([*csv_columns(solid), "image"])
    pictures = 0
    clip: str | None = None
    for record in records:
        if record.frame is None and record.error is not None and record.image == clip:
            continue  # the clip has rows
        pictures += record.frame is None or record.image != clip
        clip = None if record.frame is None else record.image
        frame = pictures if record.frame is None else record.frame + 1  # OpenFace counts from 1
        time = rounded(record.timestamp or 0.0, TIME_DECIMALS)
        # csv does not quote a carriage return, and readers end the row there; others steer a terminal.
        image = _CONTROL.sub(lambda found: repr(found[0])[1:-1], plain_text(record.image))
        for face_id, face in enumerate(record.faces):
            points = np.asarray(face.landmarks).T.ravel()  # all x, then all y
            if solid:
                points = np.concatenate([points, np.asarray(face.landmarks_3d).T.ravel()])
            found = [rounded(face.score, 4), 1, *rounded(to_openface(face), 5), *rounded(points, 2)]
            writer.writerow([frame, face_id if face.track is None else face.track, time, *found, image])
        if not record.faces:
            writer.writerow([frame, 0, time, 0.0, 0, *[""] * (len(_POSE) + len(coordinates)), image])
        for number, hand in enumerate(record.hands or ()):
            if hand_writer:
                hand_writer.writerow([*csv_row(hand, number, frame, time), image])
        stream.flush()


def to_openface(face: FaceRecord) -> NDArray[np.float64]:
    """The rotation of a head as OpenFace takes it apart: (3,) pose_Rx, pose_Ry, pose_Rz in radians.

    The head's rotation is Rx Ry Rz there, about the camera's axes, x right, y down, z away: a head that looks up has
    negative Rx, one that turns to its own right positive Ry. facelm's angles, which have other signs, are of Rz Ry Rx.
    """
    x, y, z = np.radians([-face.pitch, -face.yaw, face.roll])
    turn = _about(2, z) @ _about(1, y) @ _about(0, x)
    return np.array(
        [
            np.arctan2(-turn[1, 2], turn[2, 2]),
            np.arcsin(np.clip(turn[0, 2], -1, 1)),
            np.arctan2(-turn[0, 1], turn[0, 0]),
        ]
    )


def _about(axis: int, angle: float) -> NDArray[np.float64]:
    """The rotation (3, 3) about an axis of the camera, by radians."""
    matrix = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[[first, second], [first, second]] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix
