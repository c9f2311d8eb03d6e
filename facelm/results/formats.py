"""The files that hold the records of all pictures: JSON, CSV, COCO and NumPy.

:func:`dump` writes records to an open text stream as they come; :func:`save` writes them to a path, whole or not
at all. The formats that have files for each picture are in ``pts.py`` and ``yolo.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from facelm.pictures.files import atomic_path, error_of
from facelm.results import hands
from facelm.results.arrays import save_npz
from facelm.results.coco import dump_coco
from facelm.results.journals import read_lines
from facelm.results.openface import dump_csv
from facelm.results.records import (
    CONFIDENCE_DECIMALS,
    FaceRecord,
    PictureRecord,
    frame_of,
    plain_text,
    rounded,
)


def to_json(record: PictureRecord) -> dict[str, Any]:
    """The record as it stands in JSON lines: plain lists and numbers, rounded."""
    if record.error is not None:
        return {"image": plain_text(record.image), "error": plain_text(record.error)}
    faces = [
        {
            **({} if face.track is None else {"track": face.track}),
            "box": rounded(face.box, 2),
            "score": rounded(face.score, 4),
            "roll": rounded(face.roll, 2),
            "pose": {name: rounded(getattr(face, name), 2) for name in ("yaw", "pitch", "roll")},
            "landmarks": rounded(face.landmarks, 2),
            "confidence": rounded(face.confidence, CONFIDENCE_DECIMALS),
            "visible": np.asarray(face.visible, np.bool_).tolist(),
            **_covered(face),
            **({} if face.landmarks_3d is None else {"landmarks_3d": rounded(face.landmarks_3d, 2)}),
        }
        for face in record.faces
    ]
    size = {"width": record.width, "height": record.height}
    told = {"image": plain_text(record.image), **frame_of(record), **size, "faces": faces}
    return told if record.hands is None else told | {"hands": [hands.to_json(hand) for hand in record.hands]}


def _covered(face: FaceRecord) -> dict[str, Any]:
    if face.covered is None:
        return {}
    shares = {part: None if share is None else rounded(share, 2) for part, share in face.covered.items()}
    return {"covered": shares, "covered_by": dict(face.covered_by or {})}


def load_jsonl(path: Path, solid: bool = False, with_hands: bool = False) -> dict[str, list[PictureRecord]]:
    """The records of a file of JSON lines by name of picture or clip, without those of which a line tells an error.

    Args:
        path: The file, or one that a run which was killed left a journal of; a last line that is not whole is left out.
        solid: Only records whose landmarks are in three dimensions.
        with_hands: Only records that tell of hands; otherwise only those that do not.

    Raises:
        ImageError: It cannot be read, or is something else.
    """
    records: dict[str, list[PictureRecord]] = {}
    unfit: set[str] = set()
    try:
        for line in read_lines(path):
            name = line["image"]
            if "error" in line:
                records.pop(name, None)
                continue
            faces = tuple(_face_from_json(face) for face in line["faces"])
            told = tuple(hands.from_json(hand) for hand in line["hands"]) if "hands" in line else None
            frame, time = line.get("frame"), line.get("timestamp")
            before = records.get(name)
            if frame is None or not before or frame <= (before[-1].frame or 0):  # it was done anew
                before = records[name] = []
                unfit.discard(name)
            each = [*line["faces"], *line.get("hands", ())]
            if ("hands" in line) != with_hands or any(("landmarks_3d" in one) != solid for one in each):
                unfit.add(name)
            size = line["width"], line["height"]
            before.append(PictureRecord(name, *size, faces, frame=frame, timestamp=time, hands=told))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise error_of(path, f"cannot be read as JSON lines of landmarks ({error})") from error
    return {name: found for name, found in records.items() if name not in unfit}


def _face_from_json(face: dict[str, Any]) -> FaceRecord:
    pose = face["pose"]
    return FaceRecord(
        face["box"],
        face["score"],
        pose["roll"],
        pose["yaw"],
        pose["pitch"],
        np.array(face["landmarks"]),
        np.array(face["confidence"]),
        np.array(face["visible"]),
        landmarks_3d=np.array(face["landmarks_3d"]) if "landmarks_3d" in face else None,
        track=face.get("track"),
        covered=face.get("covered"),
        covered_by=face.get("covered_by"),
    )


def dump(
    records: Iterable[PictureRecord], format: str, stream: TextIO, solid: bool = False, root: Path | None = None
) -> None:
    """Write records to a text stream.

    JSON lines and CSV are flushed after each picture, so a run that is killed leaves whole lines.

    Args:
        records: May be a generator; each is written when it comes, but for COCO, which needs them all.
        format: One of ``TEXT_FORMATS``.
        stream: Open for text; CSV wants ``newline=""`` and UTF-8.
        solid: The faces have landmarks in three dimensions: CSV gets columns for them.
        root: Folder that the file names in a COCO document are relative to.

    Raises:
        ValueError: The format is unknown, or cannot go to a text stream.
    """
    if format == "csv":
        dump_csv(records, stream, solid)
    elif format == "coco":
        dump_coco(records, stream, root)
    elif format in _DUMPERS:
        _DUMPERS[format](records, stream)
    else:
        raise ValueError(f"no text format {format!r}; choose from {', '.join(TEXT_FORMATS)}")


def save(
    records: Iterable[PictureRecord],
    format: str,
    path: Path,
    solid: bool = False,
    root: Path | None = None,
    with_hands: bool = False,
) -> None:
    """Write records to a file, whole or not at all.

    Args:
        records: May be a generator; when it raises, an earlier file at ``path`` stays as it was.
        format: One of ``FORMATS``.
        path: Parent folders are made.
        solid: The faces have landmarks in three dimensions: CSV and NumPy files get them too.
        root: As for `dump`.
        with_hands: The records tell of hands, for which CSV has a table of its own, see `hand_table`.

    Raises:
        ValueError: The format is unknown.
        ImageError: The file cannot be written.
    """
    if format == "npz":
        save_npz(records, path, solid)
    elif format == "csv" and with_hands:
        with ExitStack() as stack:
            streams = [
                stack.enter_context(stack.enter_context(atomic_path(each)).open("w", encoding="utf-8", newline=""))
                for each in (path, hand_table(path))
            ]
            dump_csv(records, streams[0], solid, streams[1])
    elif format in TEXT_FORMATS:
        with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
            dump(records, format, stream, solid, root)
    else:
        raise ValueError(f"no format {format!r}; choose from {', '.join(FORMATS)}")


def hand_table(path: Path) -> Path:
    """Where the table of the hands lies, beside a CSV file of faces: ``x.hands.csv`` beside ``x.csv``."""
    return path.with_name(f"{path.stem}.hands.csv")


def _dump_jsonl(records: Iterable[PictureRecord], stream: TextIO) -> None:
    for record in records:
        stream.write(json.dumps(to_json(record), allow_nan=False) + "\n")
        stream.flush()


def _dump_json(records: Iterable[PictureRecord], stream: TextIO) -> None:
    stream.write("[")
    for number, record in enumerate(records):
        stream.write((",\n" if number else "\n") + json.dumps(to_json(record), allow_nan=False))
    stream.write("\n]\n")


_DUMPERS: dict[str, Callable[[Iterable[PictureRecord], TextIO], None]] = {
    "jsonl": _dump_jsonl,
    "json": _dump_json,
}

FORMATS = ("jsonl", "json", "csv", "coco", "npz")
"""The formats that have one file for all pictures."""

TEXT_FORMATS = ("jsonl", "json", "csv", "coco")
"""The formats that can go to standard output."""

FOLDER_FORMATS = {"pts": ".pts", "yolo": ".txt"}
"""The formats that have files for each picture, with their suffix."""

REGION_FORMATS = ("coco", "yolo")
"""The formats that can hold the regions of faces."""

SOLID_FORMATS = ("jsonl", "json", "csv", "npz")
"""The formats that can hold landmarks in three dimensions."""

HAND_FORMATS = ("jsonl", "json", "csv", "coco", "npz")
"""The formats that can hold hands."""
