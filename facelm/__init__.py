"""Face parsing masks from photographs of people, and facial landmarks from the masks.

import facelm

rgb = facelm.read("photo.jpg")
for face in facelm.FaceParser("lite").parse(rgb):
    print(face.box, facelm.find_landmarks(face).points)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facelm.face import Face
    from facelm.files import ImageError
    from facelm.images import read
    from facelm.landmarks import Landmarks, find_landmarks
    from facelm.masks import paste
    from facelm.parse import FaceParser
    from facelm.weights import ModelError

__all__ = ["Face", "FaceParser", "ImageError", "Landmarks", "ModelError", "find_landmarks", "paste", "read"]

_HOMES = {
    "Face": "face",
    "FaceParser": "parse",
    "ImageError": "files",
    "Landmarks": "landmarks",
    "ModelError": "weights",
    "find_landmarks": "landmarks",
    "paste": "masks",
    "read": "images",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import facelm`` itself loads no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'facelm' has no attribute {name!r}")
    return getattr(import_module(f"facelm.{_HOMES[name]}"), name)
