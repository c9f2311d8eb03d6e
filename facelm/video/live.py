"""A live look: frames of a camera, one at a time, with mask, points and hands drawn over them."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facelm.hands.find import HandFinder
from facelm.parsing.parser import FaceParser
from facelm.pictures import images
from facelm.pictures.files import ImageError
from facelm.results.overlay import draw_overlay
from facelm.video.following import Follower
from facelm.video.frames import Frame
from facelm.video.hands import FollowedHand, HandFollower
from facelm.video.watching import SeenFrame, Steadier

MOST_PIXELS = 1920 * 1200
"""Of a frame."""

_QUALITY = 85
_OPACITY = 0.5  # of the mask
_SESSIONS = 4  # pages that are open at once; more than one is rare
_PAUSE = 1.0  # seconds without a frame after which a face is somebody else's


@dataclass(frozen=True)
class Switches:
    """What a page has switched on.

    Attributes:
        mask: Draw the mask.
        points: Draw the landmarks.
        hands: Look for hands, and draw them.
        smooth: Make all of it steady.
        model: Name of the model.
    """

    mask: bool = True
    points: bool = True
    hands: bool = False
    smooth: bool = True
    model: str = "lite"


@dataclass(frozen=True)
class Drawn:
    """A frame with what was found in it.

    Attributes:
        jpeg: The picture.
        faces: How many were found.
        hands: Likewise.
        seconds: That it took.
    """

    jpeg: bytes
    faces: int
    hands: int
    seconds: float


class LiveView:
    """Draws the frames of the pages that are open; several threads may call it, one is served at a time.

    Args:
        load: Makes the parser of a model that a page asks for.
        clock: Tells seconds.
    """

    def __init__(self, load: Callable[[str], FaceParser], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._parsers: dict[str, FaceParser] = {}
        self._sessions: dict[str, _Session] = {}
        self._hands: HandFinder | None = None
        self._lock = threading.Lock()

    def draw(self, session: str, jpeg: bytes, switches: Switches) -> Drawn:
        """Draw what is found in the next frame of a page.

        Args:
            session: Tells pages from each other; faces of one are never taken for those of another.
            jpeg: The frame.
            switches: Of the page.

        Raises:
            facelm.ImageError: The frame is no picture, or too large.
            facelm.ModelError: There is no such model.
        """
        rgb = _decode(jpeg)
        with self._lock:
            start = time.perf_counter()
            if switches.model not in self._parsers:
                self._parsers[switches.model] = self._load(switches.model)
            now = self._clock()
            known = self._sessions.pop(session, None)
            if known is None or known.model != switches.model or now - known.seen > _PAUSE:
                known = _Session(switches.model, self._parsers[switches.model], now)
            self._sessions[session] = known  # the last one was served last
            while len(self._sessions) > _SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            if switches.hands and self._hands is None:
                self._hands = HandFinder()
            seen = known.see(rgb, now, switches.smooth, self._hands if switches.hands else None)
        points = seen.landmarks if switches.points else []
        drawn = draw_overlay(rgb, seen.parsed, points, seen.bare_hands, _OPACITY if switches.mask else 0.0)
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return Drawn(encoded.tobytes(), len(seen.faces), len(seen.hands), time.perf_counter() - start)


class _Session:
    """The faces and hands of one page."""

    def __init__(self, model: str, parser: FaceParser, now: float) -> None:
        self.model = model
        self.seen = now
        self._begun = now
        self._count = 0
        self._follower = Follower(parser)
        self._hand_follower: HandFollower | None = None
        self._steady = Steadier()

    def see(self, rgb: NDArray[np.uint8], now: float, smooth: bool, finder: HandFinder | None) -> SeenFrame:
        self.seen = now
        frame = Frame(self._count, Fraction(now - self._begun).limit_denominator(1_000_000), Fraction(0), rgb)
        self._count += 1
        hands: list[FollowedHand] = []
        if finder:
            self._hand_follower = self._hand_follower or HandFollower(finder)
            hands = self._hand_follower.see(frame)
        seen = SeenFrame(frame, tuple(self._follower.see(frame)), tuple(hands))
        return self._steady(seen) if smooth else seen


def _decode(jpeg: bytes) -> NDArray[np.uint8]:
    """The pixels of a frame, of which the size is looked at first."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            pixels = image.width * image.height
    except Exception as error:  # damaged data make PIL raise nearly anything
        raise ImageError("the frame is no JPEG, or damaged") from error
    if pixels > MOST_PIXELS:
        raise ImageError(f"the frame has {pixels:,} pixels; the limit is {MOST_PIXELS:,}")
    return images.decode(jpeg, "the frame")
