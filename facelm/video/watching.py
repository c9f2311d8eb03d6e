"""A clip on its way from file to followed faces: read, follow, smooth, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from facelm.landmarks.find import Landmarks
from facelm.parsing.face import Face
from facelm.parsing.parser import FaceParser
from facelm.pictures.sources import Source
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
    clip: Clip, parser: FaceParser, every: int = 1, smooth: bool = True, most: int | None = None
) -> Iterator[SeenFrame]:
    """Follow the faces of a clip; nothing of it is left for the next one.

    Args:
        clip: Is read to its end.
        parser: Finds and parses faces.
        every: Look at the first of every so many frames.
        smooth: Filter landmarks and pose over time.
        most: Faces that are followed at most, the largest ones; None is all.

    Yields:
        Each frame, also those without a face.

    Raises:
        facelm.ImageError: There is no frame that can be read.
    """
    follower = Follower(parser, most)
    smoothers: dict[int, FaceSmoother] = {}
    last: dict[int, float] = {}
    for frame in clip.read(every):
        faces = follower.see(frame)
        if smooth:
            for at, each in enumerate(faces):
                smoother = smoothers.setdefault(each.track, FaceSmoother())
                faces[at] = replace(each, landmarks=smoother(each.landmarks, frame.timestamp))
                last[each.track] = frame.timestamp
            # Numbers are not used again, so what is over a second old will never be asked for.
            for track in [track for track, time in last.items() if frame.timestamp - time > 1]:
                del last[track], smoothers[track]
        yield SeenFrame(frame, tuple(faces))
