"""Faces followed from frame to frame: the crop of each comes from its points in the frame before.

The finder looks every few frames for new faces, and at once when a face is lost or a shot begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from facelm.finding.finder import Detection
from facelm.finding.grids import Sightings
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser
from facelm.pictures import affine
from facelm.pictures.choice import Choice
from facelm.pictures.crops import align_points
from facelm.video.cuts import CutFinder
from facelm.video.frames import Frame
from facelm.video.tracks import assign, bound_points, overlap, take_look

_LOOK_EVERY = 0.3  # seconds
_WAIT = 1.0  # seconds for a face that is lost
_BRIEF = 0.1  # seconds for which a lost face is taken to move on
_MISSES = 2  # looks of the finder in a row that do not see a face which is followed
_ALIKE = 0.9  # of looks; a face that looks less like it did is shown to the finder
_UNLIKE = 0.55  # of looks; a face that looks less like it did may be another one
_LEAST_SCORE = 0.1  # of the finder's second look, which a covered face never reaches and a face seldom misses
_LEAST_CONFIDENCE = 0.25  # mean of a face's landmarks
_LEAST_VISIBLE = 0.1  # of its landmarks; where all are guessed there is nothing to follow
_STILL = 0.012  # of the crop's side; a crop whose face moves less stays where it is
_FAR = 0.06  # of the crop's side; a face that has moved more is looked at once more
_SHIFTED = 0.03  # of the crop's side; a face that has moved more has other surroundings
_SAME = 0.5  # overlap of two faces that are one


@dataclass(frozen=True, eq=False)
class FollowedFace:
    """One face of a frame.

    Attributes:
        track: Its number, from 1, the same in all frames of the clip in which it is followed.
        face: As it was parsed.
        landmarks: As they were found in this frame.
    """

    track: int
    face: Face
    landmarks: Landmarks


@dataclass(eq=False)
class _Track:
    """What is known of a face from the frames before."""

    number: int
    points: NDArray[np.float64]
    score: float
    seen: float
    look: NDArray[np.float32]
    motion: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    misses: int = 0
    lost: bool = False
    context: NDArray[np.float32] | None = None
    context_time: float = -np.inf
    context_points: NDArray[np.float64] | None = None

    def expect(self, time: float) -> NDArray[np.float64]:
        """Its five points at a time, if it moves on as it did; one that is lost may only have been covered."""
        return self.points + self.motion * min(time - self.seen, _BRIEF if self.lost else _WAIT / 2)

    def move(self, points: NDArray[np.float64], time: float) -> None:
        """Take over where the face is now, and how it came there, unless that is long ago."""
        step = time - self.seen
        moved = (points - self.points).mean(0) / step if 0 < step < _LOOK_EVERY else np.zeros(2)
        self.motion = 0.5 * (self.motion + moved)
        self.points, self.seen = points, time

    def needs_context(self, time: float, points: NDArray[np.float64]) -> bool:
        """Whether what is around the face is to be seen anew: it is coarse and changes slowly."""
        if self.context_points is None or time - self.context_time >= _LOOK_EVERY - 1e-6:
            return True
        return _moved(self.context_points, points) > _SHIFTED

    def keep_context(self, face: Face, time: float, points: NDArray[np.float64]) -> None:
        """Note what was seen around the face."""
        self.context, self.context_time, self.context_points = face.context, time, points


class Follower:
    """Follows the faces of one clip.

    Args:
        parser: Finds and parses them.
        choice: Which faces are followed; None is all.
        around: Also see what is around the crops of faces, every few frames.
        jaw: Which jaw is told, see `facelm.find_landmarks`.
    """

    def __init__(
        self, parser: FaceParser, choice: Choice | None = None, around: bool = True, jaw: str = "outline"
    ) -> None:
        self.parser = parser
        self.jaw = jaw
        self.choice = choice or Choice()
        self.around = around
        self.cut = False
        self._cuts = CutFinder()
        self._tracks: list[_Track] = []
        self._count = 0
        self._looked: float | None = None

    def see(self, frame: Frame) -> list[FollowedFace]:
        """The faces of the next frame, by number; ``cut`` then tells whether it begins another shot."""
        rgb, time = frame.rgb, frame.timestamp
        self.cut = self._cuts(rgb)
        if self.cut:
            self._tracks = []
        self._tracks = [track for track in self._tracks if time - track.seen <= _WAIT]
        followed = self._follow(rgb, time, [track for track in self._tracks if not track.lost])
        due = self._looked is None or time - self._looked >= _LOOK_EVERY - 1e-6
        if self.cut or due or any(track.lost for track in self._tracks):
            self._looked = time
            followed |= self._find(rgb, time, followed)
        return [followed[number] for number in sorted(followed)]

    def _follow(self, rgb: NDArray[np.uint8], time: float, tracks: list[_Track]) -> dict[int, FollowedFace]:
        """Parse the faces of tracks where they are expected; a track whose face is not there is lost."""
        if not tracks:
            return {}
        expected = [track.expect(time) for track in tracks]
        for track, five in zip(tracks, expected, strict=True):
            track.lost = bool(take_look(rgb, five) @ track.look < _ALIKE) and self._is_covered(rgb, five)
        expected = [five for five, track in zip(expected, tracks, strict=True) if not track.lost]
        tracks = [track for track in tracks if not track.lost]
        seen = self._parse(rgb, time, expected, tracks)
        far = [at for at, found in enumerate(seen) if _moved(expected[at], five_points(found[1])) > _FAR]
        again = self._parse(rgb, time, [five_points(seen[at][1]) for at in far], [tracks[at] for at in far])
        for at, found in zip(far, again, strict=True):
            seen[at] = found
        followed: dict[int, FollowedFace] = {}
        alike = [
            float(take_look(rgb, five_points(found[1])) @ track.look) for track, found in zip(tracks, seen, strict=True)
        ]
        # Of two tracks that have come to one face it belongs to the one that looks like it.
        for at in sorted(range(len(tracks)), key=lambda at: -alike[at]):
            track, (face, landmarks) = tracks[at], seen[at]
            whole = face.score >= track.score * 0.75 and _can_be_followed(landmarks) and alike[at] > _UNLIKE
            others = [five_points(other.landmarks) for other in followed.values()]
            if not whole or any(_same(five_points(landmarks), other) for other in others):
                track.lost = True
                continue
            self._update(track, rgb, five_points(landmarks), time)
            followed[track.number] = FollowedFace(track.number, face, landmarks)
        return followed

    def _is_covered(self, rgb: NDArray[np.uint8], five: NDArray[np.float64]) -> bool:
        """Whether the finder, at a second look, sees no face where one with these points (5, 2) is expected."""
        place = Sightings(np.ones(1), bound_points(five)[None], five[None])
        return bool(self.parser.finder.look_again(rgb, place).scores[0] < _LEAST_SCORE)

    def _parse(
        self, rgb: NDArray[np.uint8], time: float, points: list[NDArray[np.float64]], tracks: list[_Track]
    ) -> list[tuple[Face, Landmarks]]:
        detections = [
            Detection(tuple(bound_points(five).tolist()), five, track.score)
            for five, track in zip(points, tracks, strict=True)
        ]
        around = [self.around and track.needs_context(time, five) for five, track in zip(points, tracks, strict=True)]
        faces = self.parser.parse_detections(rgb, detections, around)
        for at, (track, five) in enumerate(zip(tracks, points, strict=True)):
            if around[at]:
                track.keep_context(faces[at], time, five)
            else:
                faces[at] = replace(faces[at], context=track.context)
        return [(face, find_landmarks(face, self.jaw)) for face in faces]

    def _find(self, rgb: NDArray[np.uint8], time: float, followed: dict[int, FollowedFace]) -> dict[int, FollowedFace]:
        """Look for faces in the whole frame: confirm those that are followed, take up lost ones, begin new ones."""
        found = self.parser.finder.find(rgb, self.parser.min_face, self.parser.min_score)
        places = [(bound_points(each.points), take_look(rgb, each.points)) for each in found]
        pairs = assign([(bound_points(track.expect(time)), track.look) for track in self._tracks], places)
        of_detection = {there: self._tracks[at] for at, there in pairs}
        confirmed = {track.number for track in of_detection.values()}
        for track in self._tracks:
            track.misses = 0 if track.number in confirmed else track.misses + 1
            if track.misses >= _MISSES and not track.lost:
                track.lost = True
                followed.pop(track.number, None)
        wanted = [
            (each, of_detection.get(at)) for at, each in enumerate(found)
            if at not in of_detection or of_detection[at].number not in followed
        ]  # fmt: skip
        wanted.sort(key=lambda pair: self.choice.rank(pair[0].box, *rgb.shape[:2]))
        if self.choice.most is not None:
            wanted = wanted[: max(0, self.choice.most - len(followed))]
        more: dict[int, FollowedFace] = {}
        faces = self.parser.parse_detections(rgb, [each for each, _ in wanted], [self.around] * len(wanted))
        for (each, known), face in zip(wanted, faces, strict=True):
            if face.score < self.parser.min_score:
                continue
            landmarks = find_landmarks(face, self.jaw)
            points = five_points(landmarks)
            others = [*followed.values(), *more.values()]
            if not _can_be_followed(landmarks) or any(_same(points, five_points(each.landmarks)) for each in others):
                continue
            track = known or self._begin(rgb, points, each.score, time)
            track.lost, track.misses, track.score = False, 0, each.score
            track.move(points, time)
            track.keep_context(face, time, each.points)
            more[track.number] = FollowedFace(track.number, face, landmarks)
        return more

    def _begin(self, rgb: NDArray[np.uint8], points: NDArray[np.float64], score: float, time: float) -> _Track:
        self._count += 1
        track = _Track(self._count, points, score, time, take_look(rgb, points))
        self._tracks.append(track)
        return track

    def _update(self, track: _Track, rgb: NDArray[np.uint8], points: NDArray[np.float64], time: float) -> None:
        """Take over where a face is now; a crop is kept where it was while the face in it hardly moves."""
        if _moved(track.points, points) < _STILL:
            track.seen, track.motion = time, np.zeros(2)
            return
        track.move(points, time)
        track.look = 0.8 * track.look + np.float32(0.2) * take_look(rgb, points)


def five_points(landmarks: Landmarks) -> NDArray[np.float64]:
    """The five points of a finder, from landmarks: eyes, tip of the nose, corners of the mouth: (5, 2)."""
    points = landmarks.points
    return np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])


def _can_be_followed(landmarks: Landmarks) -> bool:
    """Whether enough of a face is seen to tell where it goes."""
    return bool(landmarks.confidence.mean() > _LEAST_CONFIDENCE and landmarks.visible.mean() > _LEAST_VISIBLE)


def _moved(before: NDArray[np.float64], points: NDArray[np.float64]) -> float:
    """How far the farthest corner of the face has moved, in sides of its crop."""
    corners = np.array([[0.25, 0.3], [0.75, 0.3], [0.75, 0.85], [0.25, 0.85]])
    there = affine.apply(align_points(before), affine.apply(affine.invert(align_points(points)), corners))
    return float(np.linalg.norm(there - corners, axis=1).max())


def _same(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Whether two faces with these five points are one."""
    return float(overlap(bound_points(first)[None], bound_points(second)[None])[0, 0]) > _SAME
