"""Faces turned in three dimensions: the shape model lends a frontal face its depth, and its picture is drawn anew.

After 300W-LP (Zhu et al., CVPR 2016), with the 68 landmarks and a ring around them in the place of a dense mesh.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from landmark_data import REGION_SIDE, WIDE, WIDE_CENTRE, WIDE_SIDE, Example, five_points
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from facelm.landmarks.shape import fit_shape
from facelm.pictures import affine
from facelm.pictures.crops import align_points

TURNED = "turned"
"""The source of such a face."""

_FRONTAL = 15.0  # yaw in degrees up to which a face can be turned
_LEAST, _MOST = 15.0, 75.0  # by how much it is turned
_NOD = 8.0
_HEAD = (1.3, 1.7)  # rings around the face, in its own size
_LOW = np.array(WIDE_CENTRE) - WIDE / 2


def turn_face(face: Example, rng: np.random.Generator) -> Example | None:
    """A face as if it were seen from another side, its jaw along the bone; None if it is turned already."""
    flat = face.points.astype(float)
    fit = fit_shape(flat, np.ones(len(flat)))
    if abs(fit.pose.yaw) > _FRONTAL:
        return None
    solid, still = _surround(np.column_stack([flat, fit.points[:, 2]]))
    middle = solid[[0, 16]].mean(0)
    yaw = np.radians(rng.uniform(_LEAST, _MOST)) * rng.choice((-1, 1))
    about_x = cv2.Rodrigues(np.array([np.radians(rng.normal(0, _NOD)), 0, 0]))[0]
    moved = (solid - middle) @ (cv2.Rodrigues(np.array([0, yaw, 0]))[0] @ about_x).T + middle
    moved[still] = solid[still]
    again = align_points(five_points(moved[:68, :2]))
    placed = affine.apply(again, moved[:, :2])
    map_x, map_y = _draw(solid, np.column_stack([placed, moved[:, 2]]), still)
    at = (np.arange(REGION_SIDE) + 0.5) / REGION_SIDE
    columns, rows = (np.float32((at - low) / WIDE * WIDE_SIDE - 0.5) for low in _LOW)
    grid = np.meshgrid(columns, rows)
    fractions = (np.stack([cv2.remap(each, *grid, cv2.INTER_LINEAR) for each in (map_x, map_y)]) + 0.5) / WIDE_SIDE
    to_regions = ((fractions * WIDE + _LOW[:, None, None]) * REGION_SIDE - 0.5).astype(np.float32)
    regions = np.stack([cv2.remap(layer, *to_regions, cv2.INTER_LINEAR) for layer in face.regions[0]])
    rgb = cv2.remap(face.rgb, map_x, map_y, cv2.INTER_LINEAR)
    return replace(
        face,
        source=TURNED,
        rgb=rgb,
        regions=np.broadcast_to(regions, (2, *regions.shape)),
        points=placed[:68].astype(np.float32),
        line=np.full_like(face.line, np.nan),
    )


def _surround(solid: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A face with forehead, the head around it and the corners of the picture, and which of these do not move."""
    ends = solid[[0, 16]]
    middle, side = ends.mean(0), (ends[1] - ends[0]) / 2
    up = middle - solid[8]
    turns = np.radians(np.arange(20, 161, 20))[:, None]
    brow, ear = solid[[19, 24], 2].mean(), ends[:, 2].mean()
    forehead = middle - np.cos(turns) * side + np.sin(turns) * up
    forehead[:, 2:] = ear + np.sin(turns) * (brow - ear)
    outline = np.concatenate([solid[:17], forehead[::-1]])
    centre = outline.mean(0)
    rings = [centre + by * (outline - centre) for by in _HEAD]
    for ring in rings:
        ring[:, 2] = ear
    edge = np.array([(x, y, ear) for x in (0, 0.5, 1) for y in (0, 0.5, 1) if (x, y) != (0.5, 0.5)])
    edge[:, :2] = _LOW + edge[:, :2] * WIDE
    still = np.arange(68 + len(forehead) + 2 * len(outline) + 8) >= 68 + len(forehead) + len(outline)
    return np.concatenate([solid, forehead, *rings, edge]), still


def _draw(
    source: NDArray[np.float64], target: NDArray[np.float64], still: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of the wide square comes from, in its pixels before."""
    before, after = (((each[:, :2] - _LOW) / WIDE) * WIDE_SIDE - 0.5 for each in (source, target))
    triangles = Delaunay(before).simplices
    depth = target[triangles, 2].mean(1) + 10.0 * still[triangles].any(1)
    number = np.full((WIDE_SIDE, WIDE_SIDE), len(triangles), np.int32)
    ways = np.zeros((len(triangles) + 1, 2, 3))
    ways[-1] = cv2.getAffineTransform(np.float32(after[-8:][[0, 2, 5]]), np.float32(before[-8:][[0, 2, 5]]))
    for each in np.argsort(-depth, kind="stable"):
        new, old = np.float32(after[triangles[each]]), np.float32(before[triangles[each]])
        if np.cross(new[1] - new[0], new[2] - new[0]) * np.cross(old[1] - old[0], old[2] - old[0]) <= 1e-3:
            continue  # seen from behind
        cv2.fillConvexPoly(number, np.rint(new * 16).astype(np.int32), int(each), shift=4)
        ways[each] = cv2.getAffineTransform(new, old)
    rows, columns = np.mgrid[:WIDE_SIDE, :WIDE_SIDE]
    way = ways[number]
    places = way[..., 0] * columns[..., None] + way[..., 1] * rows[..., None] + way[..., 2]
    return places[..., 0].astype(np.float32), places[..., 1].astype(np.float32)
