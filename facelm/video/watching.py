"""A clip on its way from file to steady faces: read, follow, smooth, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from facelm.landmarks.find import Landmarks
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser
from facelm.pictures.choice import Choice
from facelm.pictures.sources import Source
from facelm.video.averaging import MaskAverager
from facelm.video.clips import Clip
from facelm.video.following import FollowedFace, Follower
from facelm.video.frames import Frame
from facelm.video.smoothing import FaceSmoother, HandSmoother

if TYPE_CHECKING:
    from facelm.hands.find import Hand, HandFinder
    from facelm.video.hands import FollowedHand


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """A frame of a clip, and who is in it.

    Attributes:
        frame: Pixels, number and time.
        faces: By number of the track.
        hands: Likewise; none where they are not looked for.
    """

    frame: Frame
    faces: tuple[FollowedFace, ...]
    hands: tuple[FollowedHand, ...] = ()

    @property
    def parsed(self) -> list[Face]:
        """The faces, without what is known of them."""
        return [each.face for each in self.faces]

    @property
    def landmarks(self) -> list[Landmarks]:
        """Of each face."""
        return [each.landmarks for each in self.faces]

    @property
    def bare_hands(self) -> list[Hand]:
        """The hands, without their numbers."""
        return [each.hand for each in self.hands]

    def source(self, clip: Source) -> Source:
        """The frame as a picture among the results of its clip: ``<stem>/<number, six digits>``."""
        return Source(clip.path, clip.name, f"{clip.stem}/{self.frame.number:06}")


def follow(
    clip: Clip,
    parser: FaceParser | None,
    every: int = 1,
    choice: Choice | None = None,
    masks: bool = True,
    jaw: str = "outline",
    hands: HandFinder | None = None,
    min_score: float = 0.5,
) -> Iterator[SeenFrame]:
    """Follow the faces of a clip; nothing of it is left for the next one.

    Args:
        clip: Is read to its end.
        parser: Finds and parses faces; None where none are wanted.
        every: Look at the first of every so many frames.
        choice: Which faces are followed; None is all.
        masks: Also see hair and clothes beyond the crops, which only masks show.
        jaw: Which jaw is told, see `facelm.find_landmarks`.
        hands: Finds hands, where they are wanted.
        min_score: Probability from which on a place is told as a hand.

    Yields:
        Each frame, also those without a face; faces as they were seen in it alone.

    Raises:
        facelm.ImageError: There is no frame that can be read.
    """
    see_faces = Follower(parser, choice, masks, jaw).see if parser else _see_nothing
    see_hands = _see_nothing
    if hands is not None:
        from facelm.video.hands import HandFollower

        see_hands = HandFollower(hands, min_score).see
    for frame in clip.read(every):
        yield SeenFrame(frame, tuple(see_faces(frame)), tuple(see_hands(frame)))


def _see_nothing(frame: Frame) -> list[Any]:
    return []


class Steadier:
    """Makes the faces and hands of one clip steady, frame after frame: filters points, boxes and pose, averages masks.

    Args:
        masks: Whether masks will be made of them; averaging takes the most time.
    """

    def __init__(self, masks: bool = True) -> None:
        self.masks = masks
        self._faces: dict[int, _SteadyFace] = {}
        self._hands: dict[int, _SteadyHand] = {}

    def __call__(self, seen: SeenFrame) -> SeenFrame:
        """The next frame with steady faces and hands."""
        time = seen.frame.timestamp
        # Numbers are not used again, so what is over a second old will never be asked for.
        self._faces = {track: each for track, each in self._faces.items() if time - each.seen <= 1}
        faces = [self._faces.setdefault(each.track, _SteadyFace(self.masks))(each, time) for each in seen.faces]
        self._hands = {track: each for track, each in self._hands.items() if time - each.seen <= 1}
        hands = [self._hands.setdefault(each.track, _SteadyHand())(each, time) for each in seen.hands]
        return replace(seen, faces=tuple(faces), hands=tuple(hands))


class _SteadyFace:
    """What makes one face steady."""

    def __init__(self, masks: bool) -> None:
        self.seen = 0.0
        self._smooth = FaceSmoother()
        self._average = MaskAverager() if masks else None

    def __call__(self, found: FollowedFace, time: float) -> FollowedFace:
        self.seen = time
        landmarks, box = self._smooth(found.landmarks, found.face.box, time)
        face = replace(found.face, box=box)
        if self._average is not None:
            face = self._average(face, found.landmarks.points, time)
        return replace(found, face=face, landmarks=landmarks)


class _SteadyHand:
    """What makes one hand steady."""

    def __init__(self) -> None:
        self.seen = 0.0
        self._smooth = HandSmoother()

    def __call__(self, found: FollowedHand, time: float) -> FollowedHand:
        self.seen = time
        return replace(found, hand=self._smooth(found.hand, time))
