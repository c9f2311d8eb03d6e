"""Face parsing: one network used twice, on the whole picture to find the faces, then on each face upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.engine import STRIDE
from facelm.engines.labels import total
from facelm.engines.open import open_engine
from facelm.finding.detect import Detection, detect_middle, suppress
from facelm.finding.search import SMALL_SIDE, Look, look, search, see_context
from facelm.parsing.face import Face, bound, bound_face, frame_box
from facelm.parsing.islands import drop_islands
from facelm.pictures import affine, views
from facelm.pictures.crops import cut_crop, find_inside, to_crop_pixels

_MOVED = 0.03
_SKIN_SHARE = 0.002
_SMALL_SHARE = 2 / 3  # of the crop; smaller faces are enlarged no further, for blurred parts are not seen
_BLURRED_SIDE = 160  # of a crop; parts too blurred to be seen in a larger one can be seen in it
_MIDDLE_X, _MIDDLE_Y = (0.3, 0.7), (0.4, 0.8)  # of the face, in its crop
_FACE = classes.indices(*classes.FACE)


class FaceParser:
    """Finds the faces of a picture and parses each.

    Args:
        weights: Name of a shipped model (``lite``, ``resnet50``) or path of one that ``facelm train`` wrote.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        batch: Face crops that go through the network at once.
        flip: Average each crop with its mirror image: a little better, at twice the time.
        min_face: Height of the smallest faces to look for, brows to chin, pixels. By default it follows the picture:
            about a fortieth of its longer side, less where nobody is found.
        threads: How many threads will call ``parse`` at once.

    Raises:
        facelm.ModelError: The model or the device is not there.
    """

    def __init__(
        self,
        weights: str = "lite",
        device: str = "auto",
        batch: int = 8,
        flip: bool = False,
        min_face: float | None = None,
        threads: int = 1,
    ) -> None:
        self.engine = open_engine(weights, device, threads)
        self.info = self.engine.info
        self.batch = batch
        self.flip = flip
        self.min_face = min_face

    def parse(self, rgb: NDArray[np.uint8]) -> list[Face]:
        """Find and parse all faces.

        Args:
            rgb: (H, W, 3) uint8, as ``facelm.pictures.images.read`` gives it.

        Returns:
            Faces, surest first; an empty list when there is nobody.

        Raises:
            ValueError: The picture has another shape or type.
        """
        _check_picture(rgb)
        rgb = views.expose(rgb)
        faces, skin = self._parse_upright(rgb)
        if not faces and skin:
            faces, _ = self._parse_upright(views.brighten(rgb))
        if faces or not skin:
            return faces
        # A face that lies or stands on its head is found where the picture is turned.
        turned = [self._parse_turned(rgb, quarters) for quarters in (1, 2, 3)]
        return max(turned, key=lambda found: sum(face.score for face in found))

    def parse_boxes(self, rgb: NDArray[np.uint8], boxes: Sequence[tuple[float, float, float, float]]) -> list[Face]:
        """Parse the faces that another detector found.

        Args:
            rgb: (H, W, 3) uint8.
            boxes: x0, y0, x1, y1 of each face, pixels; with or without its forehead.

        Returns:
            A face for each box, in their order; its score is 0 where the network sees no face.

        Raises:
            ValueError: The picture has another shape or type.
        """
        _check_picture(rgb)
        rgb = views.expose(rgb)
        first = look(self.predict, rgb, SMALL_SIDE)
        return [self._parse_box(rgb, first, box) for box in boxes]

    def _parse_box(self, rgb: NDArray[np.uint8], first: Look, box: tuple[float, float, float, float]) -> Face:
        for quarters in range(4):
            detections = [Detection(frame_box(box, quarters), 0.0)]
            for settle in (False, False, True):
                faces, detections = self._refine(rgb, [first], detections, settle)
                if faces:
                    return faces[0]
        upright = Detection(frame_box(box, 0), 0.0)
        return self._make_face(rgb, [first], upright, *self._parse_crops(rgb, [upright])[0])

    def _parse_turned(self, rgb: NDArray[np.uint8], quarters: int) -> list[Face]:
        """The faces of the picture turned counterclockwise by quarters, as faces of the picture."""
        to_turned = views.turn_transform(quarters, rgb.shape)
        return [
            replace(
                face,
                box=bound(affine.apply(affine.invert(to_turned), np.array(face.box).reshape(2, 2))),
                transform=affine.compose(face.transform, to_turned),
            )
            for face in self._parse_upright(views.turn(rgb, quarters))[0]
        ]

    def _parse_upright(self, rgb: NDArray[np.uint8]) -> tuple[list[Face], bool]:
        """The faces of a picture, and whether there is skin in it though there are none."""
        looks, detections = search(self.predict, rgb, self.min_face)
        settled, moved = self._refine(rgb, looks, detections)
        again, still_moved = self._refine(rgb, looks, moved)
        again += self._refine(rgb, looks, still_moved, settle=True)[0]
        if not settled and not again:
            again = self._refine(rgb, looks, detections, settle=True, size=_BLURRED_SIDE)[0]
        faces = {id(face.transform): face for face in settled + again}
        kept = suppress([Detection(face.transform, face.score) for face in faces.values()])
        skin = not faces and any((total(look.probabilities, _FACE) > 0.5).mean() > _SKIN_SHARE for look in looks)
        return [faces[id(detection.transform)] for detection in kept], skin

    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network on pictures of one size, as they are.

        Args:
            rgb: (N, H, W, 3) uint8; H and W are padded for the network.

        Returns:
            (N, 19, H, W) float32 class probabilities.
        """
        height, width = rgb.shape[1:3]
        padded = np.pad(rgb, ((0, 0), (0, -height % STRIDE), (0, -width % STRIDE), (0, 0)))
        return self.engine.predict(padded)[..., :height, :width]

    def _predict_crops(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        predicted = self.predict(crops)
        if not self.flip:
            return predicted
        mirrored = self.predict(np.ascontiguousarray(crops[:, :, ::-1]))[:, classes.MIRRORED]
        averaged: NDArray[np.float32] = (predicted + mirrored[..., ::-1]) * np.float32(0.5)
        return averaged

    def _refine(
        self,
        rgb: NDArray[np.uint8],
        looks: Sequence[Look],
        detections: Sequence[Detection],
        settle: bool = False,
        size: int | None = None,
    ) -> tuple[list[Face], list[Detection]]:
        """Parse the crop of each detection, and look there for the face once more.

        Args:
            rgb: The picture.
            looks: Its coarse parses.
            detections: Where the faces are.
            settle: Take every alignment as it is.
            size: Of the crops, pixels; otherwise as suits the faces.

        Returns:
            The faces whose alignment the crop confirms, and those it moves, to be parsed again. Detections
            whose crop shows no face in its middle are dropped.
        """
        faces: list[Face] = []
        moved: list[Detection] = []
        for detection, crop in zip(detections, self._parse_crops(rgb, detections, size), strict=True):
            near = detect_middle(*crop)
            if not near:
                continue
            better = affine.compose(near[0].transform, to_crop_pixels(detection.transform, len(crop[1])))
            if not settle and _distance(better, detection.transform) > _MOVED:
                moved.append(Detection(better, near[0].score))
                continue
            faces.append(self._make_face(rgb, looks, replace(detection, score=near[0].score), *crop))
        return faces, moved

    def _parse_crops(
        self, rgb: NDArray[np.uint8], detections: Sequence[Detection], size: int | None = None
    ) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
        """The probabilities and the labels of the crop of each detection."""
        sizes = [size or self._choose_size(detection) for detection in detections]
        parsed: dict[int, tuple[NDArray[np.float32], NDArray[np.uint8]]] = {}
        for side in sorted(set(sizes)):
            chosen = [at for at, each in enumerate(sizes) if each == side]
            for start in range(0, len(chosen), self.batch):
                chunk = chosen[start : start + self.batch]
                crops = np.stack([_cut_crop(rgb, detections[at], side) for at in chunk])
                parsed |= zip(chunk, map(drop_islands, self._predict_crops(crops)), strict=True)
        return [parsed[at] for at in range(len(detections))]

    def _choose_size(self, detection: Detection) -> int:
        small = round(self.info.size * _SMALL_SHARE / STRIDE) * STRIDE
        return small if detection.side < small else self.info.size

    def _make_face(
        self,
        rgb: NDArray[np.uint8],
        looks: Sequence[Look],
        detection: Detection,
        probabilities: NDArray[np.float32],
        labels: NDArray[np.uint8],
    ) -> Face:
        inside = find_inside(rgb.shape, detection.transform, len(labels))
        box = bound_face(labels, inside, detection.transform)
        return Face(box, detection.score, detection.transform, probabilities, inside, see_context(looks, detection))


def _cut_crop(rgb: NDArray[np.uint8], detection: Detection, size: int) -> NDArray[np.uint8]:
    """The crop of a detection, (size, size, 3), longer exposed where the face is dark, as it is against the light."""
    rows, columns = (slice(round(first * size), round(last * size)) for first, last in (_MIDDLE_Y, _MIDDLE_X))
    return views.expose(cut_crop(rgb, detection.transform, size), (rows, columns))


def _check_picture(rgb: NDArray[np.uint8]) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"a picture is (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")


def _distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """How far the corners of the face's middle come apart between two alignments, as a share of the crop."""
    corners = np.array([[x, y] for y in _MIDDLE_Y for x in _MIDDLE_X])
    there = affine.apply(first, affine.apply(affine.invert(second), corners))
    return float(np.linalg.norm(there - corners, axis=1).max())
