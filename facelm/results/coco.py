"""COCO's keypoints, and regions as run lengths or polygons, by pycocotools."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from facelm.hands import points as hand_points
from facelm.landmarks.points import CLOSED, PARTS
from facelm.results.records import FaceRecord, HandRecord, PictureRecord, frame_of, plain_text, rounded

_FACE, _HAND = 1, 2  # numbers of the categories


def encode_region(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's compressed run-length code of a mask (H, W), ready for JSON."""
    from pycocotools import mask as rle

    code = rle.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(side) for side in code["size"]], "counts": code["counts"].decode("ascii")}


def encode_polygons(mask: NDArray[np.bool_]) -> list[list[float]]:
    """COCO's polygons of a mask (H, W), x0, y0, x1, y1, ... of each, ready for JSON; no hole is lost."""
    from facelm.results.polygons import outline

    return [rounded(polygon.ravel(), 2) for polygon in outline(mask)]


def dump_coco(records: Iterable[PictureRecord], stream: TextIO, root: Path | None = None) -> None:
    """Write a COCO document with the pictures that could be read, and an annotation for each face and each hand.

    Args:
        records: May be a generator.
        stream: Open for text.
        root: Folder that file names are relative to; without it they are as the user named the pictures.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    knows_hands = False
    for image_id, record in enumerate(records, start=1):  # of pictures, the same number as CSV's frame
        if record.error is not None:
            continue
        size = {"width": record.width, "height": record.height}
        images.append({"id": image_id, "file_name": plain_text(_name(record.image, root)), **frame_of(record), **size})
        for face in record.faces:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **_annotation(face, record)})
        knows_hands = knows_hands or record.hands is not None
        for hand in record.hands or ():
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **_annotation(hand, record)})
    document = {
        "info": {"description": "Faces, landmarks and face regions found by facelm"},
        "images": images,
        "annotations": annotations,
        "categories": [_category(), _hand_category()] if knows_hands else [_category()],
    }
    json.dump(document, stream, allow_nan=False)
    stream.write("\n")


def _name(image: str, root: Path | None) -> str:
    if root is None or image == "-":
        return image
    try:
        return Path(os.path.relpath(image, root)).as_posix()
    except ValueError:  # on Windows, from one disk to another
        return image


def bound(face: FaceRecord | HandRecord, picture: PictureRecord) -> tuple[float, float, float, float]:
    """The box of a face or hand as COCO has it: left, top, width, height of the outer edges of its pixels."""
    x0, x1 = _edges(face.box[0], face.box[2], picture.width)
    y0, y1 = _edges(face.box[1], face.box[3], picture.height)
    return x0, y0, x1 - x0, y1 - y0


def _annotation(face: FaceRecord | HandRecord, picture: PictureRecord) -> dict[str, Any]:
    box = bound(face, picture)
    points = rounded(face.landmarks, 2)
    seen = [2 if visible else 1 for visible in face.visible]
    annotation = {
        "category_id": _HAND if isinstance(face, HandRecord) else _FACE,
        "bbox": rounded(box, 2),
        "area": rounded(box[2] * box[3], 2),
        "iscrowd": 0,
        "keypoints": [number for (x, y), v in zip(points, seen, strict=True) for number in (x, y, v)],
        "num_keypoints": sum(v > 0 for v in seen),
        "score": rounded(face.score, 4),
    }
    if isinstance(face, HandRecord):
        annotation["side"] = face.side
    if face.track is not None:
        annotation["track_id"] = face.track
    if face.region:
        from pycocotools import mask as rle

        code = face.region
        if isinstance(code, list):
            code = rle.merge(rle.frPyObjects(code, picture.height, picture.width))
        annotation |= {"segmentation": face.region, "area": float(rle.area(code))}
    return annotation


def _edges(first: float, last: float, length: int) -> tuple[float, float]:
    """The outer edges of pixels whose centres are first and last, as COCO counts: 0 is the picture's edge."""
    return min(max(first, 0.0), length), min(max(last + 1, 0.0), length)


def _category() -> dict[str, Any]:
    """COCO's description of a face: what its points are called, and which ones a line joins."""
    names: list[str] = []
    skeleton: list[list[int]] = []  # counts from 1
    for part, points in PARTS.items():
        names += [f"{part}_{number}" for number in range(len(points))]
        skeleton += [[point + 1, point + 2] for point in points[:-1]]
        if part in CLOSED:
            skeleton.append([points[-1] + 1, points[0] + 1])
    return {"id": _FACE, "name": "face", "supercategory": "person", "keypoints": names, "skeleton": skeleton}


def _hand_category() -> dict[str, Any]:
    """The same of a hand, with the names of COCO-WholeBody; which side it is of, an annotation tells."""
    skeleton = [[first + 1, second + 1] for first, second in hand_points.SKELETON]
    names = list(hand_points.NAMES)
    return {"id": _HAND, "name": "hand", "supercategory": "person", "keypoints": names, "skeleton": skeleton}
