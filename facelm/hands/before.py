"""Hands before faces: which pixels of a face's crop they hide, and what becomes of the landmarks there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facelm.hands.find import Hand
from facelm.hands.masks import fill_hand
from facelm.landmarks.find import Landmarks
from facelm.parsing.face import Face
from facelm.pictures import affine

# What is left of the confidence of a landmark behind a hand: of such points 0.189 are near their place, where faces of
# validation have hands of validation before them, and 0.806 is their mean confidence (`bench/hidden.py SPLIT val`).
_GUESSED = 0.24


def find_before(face: Face, hands: Sequence[Hand]) -> NDArray[np.bool_]:
    """Where hands are in the crop of a face: (S, S)."""
    mask = np.zeros(face.inside.shape, np.uint8)
    for hand in hands:
        fill_hand(mask, affine.apply(face.to_crop, hand.points), 1)
    return mask.view(np.bool_)


def hide_landmarks(faces: Sequence[Face], landmarks: Sequence[Landmarks], hands: Sequence[Hand]) -> list[Landmarks]:
    """The landmarks of faces, of which those behind a hand are not visible and less sure.

    Args:
        faces: The faces of a picture.
        landmarks: Of each, as they are without hands.
        hands: Of the picture.
    """
    pairs = zip(faces, landmarks, strict=True)
    return [hide_points(face, found, find_before(face, hands)) for face, found in pairs]


def hide_points(face: Face, found: Landmarks, before: NDArray[np.bool_]) -> Landmarks:
    """The same of one face, of which it is known where hands are before it: (S, S), from `find_before`."""
    columns, rows = np.rint(affine.apply(face.to_crop, found.points)).astype(int).T
    size = len(before)
    there = (columns >= 0) & (columns < size) & (rows >= 0) & (rows < size)
    hidden = there & before[rows.clip(0, size - 1), columns.clip(0, size - 1)]
    confidence = np.where(hidden, _GUESSED * found.confidence, found.confidence)
    return replace(found, visible=found.visible & ~hidden, confidence=confidence)
