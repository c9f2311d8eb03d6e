"""Faces followed from frame to frame: the crop of each comes from its points in the frame before.

The finder looks at the whole frame every so often for new faces, and where a face that is lost may be at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facelm.finding.finder import Detection
from facelm.finding.grids import Sightings
from facelm.landmarks.find import Landmarks, find_landmarks
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser
from facelm.pictures.choice import Choice
from facelm.video.cuts import CutFinder
from facelm.video.frames import Frame
from facelm.video.tracks import LOOK_EVERY, WAIT, Track, assign, bound_points, how_far, overlap, take_look

_MISSES = 2  # looks of the finder in a row that do not see a face which is followed
_FAINT = 0.15  # score that is enough for a face which is known
_SURE, _LOOKS = 0.8, 3  # score of a face that is told at once, and looks in a row that see one which is less sure
_ALIKE = 0.9  # of looks; a face that looks less like it did is shown to the finder
_UNLIKE = 0.55  # of looks; a face that has jumped and looks less like it did may be another one
_STRANGE = 0.2  # of looks; one that looks less like it did is another one, wherever it is
_LEAST_SCORE = 0.1  # of the finder's second look, which a covered face never reaches and a face seldom misses
_LEAST_CONFIDENCE = 0.25  # mean of a face's landmarks
_LEAST_VISIBLE = 0.1  # of its landmarks; where all are guessed there is nothing to follow
_STILL = 0.012  # of the crop's side; a crop whose face moves less stays where it is
_FAR = 0.06  # of the crop's side; a face that has moved more is looked at once more
_SAME = 0.5  # overlap of two faces that are one
_NEAR = 1.5  # sides of a face that is lost, to each side of it, in which it is looked for


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


_Seen = tuple[Face, Landmarks]


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
        self._tracks: list[Track] = []
        self._count = 0
        self._looked: float | None = None

    def see(self, frame: Frame) -> list[FollowedFace]:
        """The faces of the next frame, by number; ``cut`` then tells whether it begins another shot."""
        rgb, time = frame.rgb, frame.timestamp
        self.cut = self._cuts(rgb)
        if self.cut:
            self._tracks = []
        begins = self.cut or self._looked is None
        self._tracks = [track for track in self._tracks if time - track.seen <= WAIT]
        before = [track for track in self._tracks if not track.lost]
        seen = self._follow(rgb, time, before)
        # A face of which nobody can be sure is not waited for.
        self._tracks = [track for track in self._tracks if track.number or not track.lost]
        due = begins or self._looked is None or time - self._looked >= LOOK_EVERY - 1e-6
        if not due and (lost := [track for track in self._tracks if track.lost]):
            self._look_near(rgb, time, seen, lost)
            due = any(track.lost and track.number for track in before)
        if due:
            self._looked = time
            self._look(rgb, time, seen, begins)
        told = sorted((track for track in seen if track.number), key=lambda track: track.number)
        return [FollowedFace(track.number, *seen[track]) for track in told]

    def _follow(self, rgb: NDArray[np.uint8], time: float, tracks: list[Track]) -> dict[Track, _Seen]:
        """Parse the faces of tracks where they are expected; a track whose face is not there is lost."""
        for track in tracks:
            five = track.expect(time)
            track.lost = bool(take_look(rgb, five).shades @ track.look.shades < _ALIKE) and self._is_covered(rgb, five)
        tracks = [track for track in tracks if not track.lost]
        if not tracks:
            return {}
        expected = [track.expect(time) for track in tracks]
        found = self._parse(rgb, time, expected, tracks)
        places = [five_points(landmarks) for _, landmarks in found]
        far = [at for at, five in enumerate(places) if how_far(expected[at], five) > _FAR]
        again = self._parse(rgb, time, [places[at] for at in far], [tracks[at] for at in far])
        for at, (face, landmarks) in zip(far, again, strict=True):
            found[at], places[at] = (face, landmarks), five_points(landmarks)
        looks = [take_look(rgb, five) for five in places]
        alike = [float(look.shades @ track.look.shades) for look, track in zip(looks, tracks, strict=True)]
        seen: dict[Track, _Seen] = {}
        # Of two tracks that have come to one face it belongs to the one that looks like it.
        for at in sorted(range(len(tracks)), key=lambda at: -alike[at]):
            track, (face, landmarks) = tracks[at], found[at]
            itself = alike[at] > (_UNLIKE if how_far(expected[at], places[at]) > _FAR else _STRANGE)
            whole = itself and face.score >= track.score * 0.75 and _can_be_followed(landmarks)
            if not whole or _is_among(places[at], seen):
                track.lost = True
                continue
            seen[track] = face, landmarks
            # A crop is kept where it was while the face in it hardly moves.
            if how_far(track.points, places[at]) < _STILL:
                track.seen, track.motion = time, np.zeros(2)
            else:
                track.move(places[at], time)
                if alike[at] > _ALIKE:  # else the finder is to say that it is still itself
                    track.remember(looks[at])
        return seen

    def _is_covered(self, rgb: NDArray[np.uint8], five: NDArray[np.float64]) -> bool:
        """Whether the finder, at a second look, sees no face where one with these points (5, 2) is expected."""
        place = Sightings(np.ones(1), bound_points(five)[None], five[None])
        return bool(self.parser.finder.look_again(rgb, place).scores[0] < _LEAST_SCORE)

    def _parse(
        self, rgb: NDArray[np.uint8], time: float, points: list[NDArray[np.float64]], tracks: list[Track]
    ) -> list[_Seen]:
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

    def _look(self, rgb: NDArray[np.uint8], time: float, seen: dict[Track, _Seen], begins: bool) -> None:
        """Look for faces in the whole frame: confirm those that are followed, take up lost ones, begin new ones.

        A face which is not sure is followed at once and told when it has been seen often, but where a shot begins.
        """
        least = self.parser.min_score
        found = self.parser.finder.find(rgb, self.parser.min_face, min(_FAINT, least))
        pairs = self._assign(rgb, time, seen, found)
        for track in self._tracks:
            track.looks, track.misses = (track.looks + 1, 0) if track in pairs.values() else (0, track.misses + 1)
            if track.misses >= _MISSES and not track.lost:
                track.lost = True
                seen.pop(track, None)
        wanted = [(each, pairs.get(at)) for at, each in enumerate(found) if at in pairs or each.score >= least]
        self._take_up(rgb, time, seen, [pair for pair in wanted if pair[1] not in seen])
        for at, track in pairs.items():
            track.score = found[at].score if found[at].score >= least else track.score
        for track in seen:
            if begins or track.score >= _SURE or track.looks >= _LOOKS:
                self._name(track, seen)

    def _look_near(self, rgb: NDArray[np.uint8], time: float, seen: dict[Track, _Seen], lost: list[Track]) -> None:
        """Look for faces that are lost where they may be."""
        found: list[Detection] = []
        for track in lost:
            x0, y0, x1, y1 = track.bound(time)
            room = _NEAR * (y1 - y0)
            left, top = max(0, int(x0 - room)), max(0, int(y0 - room))
            part = rgb[top : max(0, int(y1 + room)), left : max(0, int(x1 + room))]
            for each in self.parser.finder.find(part, self.parser.min_face, _FAINT) if part.size else ():
                points = each.points + np.array([left, top])
                found.append(Detection(tuple(bound_points(points).tolist()), points, each.score))
        pairs = self._assign(rgb, time, seen, found)
        self._take_up(rgb, time, seen, [(found[at], track) for at, track in pairs.items() if track.lost])

    def _assign(
        self, rgb: NDArray[np.uint8], time: float, seen: dict[Track, _Seen], found: list[Detection]
    ) -> dict[int, Track]:
        """The track that each detection belongs to, as far as there is one; who is elsewhere is seen no longer."""
        looks = [(each, take_look(rgb, each.points)) for each in found]
        pairs = {there: self._tracks[at] for at, there in assign(self._tracks, looks, time, self.parser.min_score)}
        for there, track in pairs.items():
            each, look = looks[there]
            if track.lost or each.score < _SURE or look.shades @ track.look.shades < _UNLIKE:
                continue
            if _are_one(each.points, five_points(seen[track][1])):
                track.remember(look)
            else:  # who comes out behind another draws the points of that one
                track.lost = True
                del seen[track]
        return pairs

    def _take_up(
        self,
        rgb: NDArray[np.uint8],
        time: float,
        seen: dict[Track, _Seen],
        wanted: list[tuple[Detection, Track | None]],
    ) -> None:
        """Parse faces that were found, of tracks that were lost or of new ones, as many as are wanted."""
        wanted = sorted(wanted, key=lambda pair: self.choice.rank(pair[0].box, *rgb.shape[:2]))
        if self.choice.most is not None:
            wanted = wanted[: max(0, self.choice.most - sum(track.number > 0 for track in seen))]
        known = [replace(each, score=max(each.score, track.score)) if track else each for each, track in wanted]
        faces = self.parser.parse_detections(rgb, known, [self.around] * len(known))
        for (each, track), face in zip(wanted, faces, strict=True):
            landmarks = find_landmarks(face, self.jaw)
            points = five_points(landmarks)
            if face.score < self.parser.min_score or not _can_be_followed(landmarks):
                continue
            if not _are_one(points, each.points) or _is_among(points, seen):
                continue
            if track is None:
                track = Track(points, each.score, time, take_look(rgb, points))
                self._tracks.append(track)
            else:
                track.lost, track.misses = False, 0
                track.move(points, time)
            track.keep_context(face, time, each.points)
            seen[track] = face, landmarks

    def _name(self, track: Track, seen: dict[Track, _Seen]) -> None:
        """Give a track the next number, unless as many have one as are wanted."""
        told = sum(other.number > 0 for other in seen)
        if not track.number and (self.choice.most is None or told < self.choice.most):
            self._count += 1
            track.number = self._count


def five_points(landmarks: Landmarks) -> NDArray[np.float64]:
    """The five points of a finder, from landmarks: eyes, tip of the nose, corners of the mouth: (5, 2)."""
    points = landmarks.points
    return np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])


def _can_be_followed(landmarks: Landmarks) -> bool:
    """Whether enough of a face is seen to tell where it goes."""
    return bool(landmarks.confidence.mean() > _LEAST_CONFIDENCE and landmarks.visible.mean() > _LEAST_VISIBLE)


def _is_among(points: NDArray[np.float64], seen: dict[Track, _Seen]) -> bool:
    """Whether a face with these five points (5, 2) is one of those that were seen."""
    return any(_are_one(points, five_points(landmarks)) for _, landmarks in seen.values())


def _are_one(points: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Whether two faces with these five points (5, 2) are one."""
    return float(overlap(bound_points(points)[None], bound_points(others)[None]).item()) > _SAME
