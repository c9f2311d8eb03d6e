"""A clip on its way from file to followed faces: read, follow, smooth, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from facelm.landmarks.find import Landmarks
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser
from facelm.pictures.sources import Source
from facelm.video.averaging import MaskAverager
from facelm.video.clips import Clip
from facelm.video.following import FollowedFace, Follower
from facelm.video.frames import Frame
from facelm.video.smoothing import FaceSmoother


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """A frame of a clip, and who is in it.

    Attributes:
        frame: Pixels, number and time.
        faces: By number of the track.
    """

    frame: Frame
    faces: tuple[FollowedFace, ...]

    @property
    def parsed(self) -> list[Face]:
        """The faces, without what is known of them."""
        return [each.face for each in self.faces]

    @property
    def landmarks(self) -> list[Landmarks]:
        """Of each face."""
        return [each.landmarks for each in self.faces]

    def source(self, clip: Source) -> Source:
        """The frame as a picture among the results of its clip: ``<stem>/<number, six digits>``."""
        return Source(clip.path, clip.name, f"{clip.stem}/{self.frame.number:06}")


def watch(
    clip: Clip,
    parser: FaceParser,
    every: int = 1,
    smooth: bool = True,
    most: int | None = None,
    around: bool = True,
) -> Iterator[SeenFrame]:
    """Follow the faces of a clip; nothing of it is left for the next one.

    Args:
        clip: Is read to its end.
        parser: Finds and parses faces.
        every: Look at the first of every so many frames.
        smooth: Filter landmarks, box and pose over time, and average masks.
        most: Faces that are followed at most, the largest ones; None is all.
        around: Also see hair and clothes beyond the crops, which only masks show.

    Yields:
        Each frame, also those without a face.

    Raises:
        facelm.ImageError: There is no frame that can be read.
    """
    follower = Follower(parser, most, around)
    steadied: dict[int, _Steadier] = {}
    for frame in clip.read(every):
        faces = follower.see(frame)
        if smooth:
            # Numbers are not used again, so what is over a second old will never be asked for.
            steadied = {track: each for track, each in steadied.items() if frame.timestamp - each.seen <= 1}
            faces = [steadied.setdefault(each.track, _Steadier())(each, frame.timestamp) for each in faces]
        yield SeenFrame(frame, tuple(faces))


class _Steadier:
    """What makes one face steady: the filters of its points and the average of its masks."""

    def __init__(self) -> None:
        self.seen = 0.0
        self._smooth = FaceSmoother()
        self._average = MaskAverager()

    def __call__(self, found: FollowedFace, time: float) -> FollowedFace:
        self.seen = time
        landmarks, box = self._smooth(found.landmarks, found.face.box, time)
        face = self._average(found.face, found.landmarks.points, time)
        return replace(found, face=replace(face, box=box), landmarks=landmarks)
