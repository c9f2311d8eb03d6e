"""COCO's keypoint and run-length format, by pycocotools."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from facelm.landmarks.points import CLOSED, PARTS, POINTS
from facelm.results.records import FaceRecord, PictureRecord, frame_of, plain_text, rounded


def encode_region(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's compressed run-length code of a mask (H, W), ready for JSON."""
    from pycocotools import mask as rle

    code = rle.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(side) for side in code["size"]], "counts": code["counts"].decode("ascii")}


def dump_coco(records: Iterable[PictureRecord], stream: TextIO) -> None:
    """Write a COCO document with the pictures that could be read, and an annotation for each face."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, record in enumerate(records, start=1):  # of pictures, the same number as CSV's frame
        if record.error is not None:
            continue
        size = {"width": record.width, "height": record.height}
        images.append({"id": image_id, "file_name": plain_text(record.image), **frame_of(record), **size})
        for face in record.faces:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **_annotation(face, record)})
    document = {
        "info": {"description": "Faces, landmarks and face regions found by facelm"},
        "images": images,
        "annotations": annotations,
        "categories": [_category()],
    }
    json.dump(document, stream, allow_nan=False)
    stream.write("\n")


def _annotation(face: FaceRecord, picture: PictureRecord) -> dict[str, Any]:
    x0, x1 = _edges(face.box[0], face.box[2], picture.width)
    y0, y1 = _edges(face.box[1], face.box[3], picture.height)
    points = rounded(face.landmarks, 2)
    seen = [2 if visible else 1 for visible in face.visible]
    annotation = {
        "category_id": 1,
        "bbox": rounded([x0, y0, x1 - x0, y1 - y0], 2),
        "area": rounded((x1 - x0) * (y1 - y0), 2),
        "iscrowd": 0,
        "keypoints": [number for (x, y), v in zip(points, seen, strict=True) for number in (x, y, v)],
        "num_keypoints": POINTS,
        "score": rounded(face.score, 4),
    }
    if face.track is not None:
        annotation["track_id"] = face.track
    if face.region is not None:
        from pycocotools import mask as rle

        annotation |= {"segmentation": face.region, "area": float(rle.area(face.region))}
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
    return {"id": 1, "name": "face", "supercategory": "person", "keypoints": names, "skeleton": skeleton}
