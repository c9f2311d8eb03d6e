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
    from facelm.engines.weights import ModelError
    from facelm.hands.find import Hand, HandFinder
    from facelm.landmarks.find import Landmarks, find_landmarks
    from facelm.parsing.face import Face
    from facelm.parsing.masks import paste
    from facelm.parsing.parser import FaceParser
    from facelm.pictures.files import ImageError
    from facelm.pictures.images import read

__all__ = [
    "Face",
    "FaceParser",
    "Hand",
    "HandFinder",
    "ImageError",
    "Landmarks",
    "ModelError",
    "find_landmarks",
    "paste",
    "read",
]

_HOMES = {
    "Face": "parsing.face",
    "FaceParser": "parsing.parser",
    "Hand": "hands.find",
    "HandFinder": "hands.find",
    "ImageError": "pictures.files",
    "Landmarks": "landmarks.find",
    "ModelError": "engines.weights",
    "find_landmarks": "landmarks.find",
    "paste": "parsing.masks",
    "read": "pictures.images",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import facelm`` itself loads no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'facelm' has no attribute {name!r}")
    return getattr(import_module(f"facelm.{_HOMES[name]}"), name)
