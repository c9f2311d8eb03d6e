"""A clip: frames with their times from a file, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from facelm.pictures.images import MAX_PIXELS
from facelm.pictures.motion import ANIMATED_SUFFIXES
from facelm.video.frames import Frame, read_ahead


class _Reader(Protocol):
    """What reads a kind of file."""

    count: int | None
    pixels: int
    time_base: Fraction
    aspect: Fraction
    faults: list[str]

    def read(self, every: int) -> Iterator[Frame]: ...


class Clip:
    """The frames of a video file, or of an animated GIF or WebP, to be read once.

    Args:
        path: MP4, MOV, MKV, WebM, AVI and what else FFmpeg reads, or an animated GIF or WebP.
        max_pixels: Most pixels that a frame may have; by default those of a picture.

    Attributes:
        path: The file.
        count: How many frames the file says it has; None where it does not tell.
        pixels: Of a frame.
        time_base: Seconds of which the time of each frame is a multiple.
        aspect: Width of a pixel by its height, before the frame is turned upright.

    Raises:
        facelm.ImageError: The file cannot be opened, holds no video, or has too many pixels.
    """

    def __init__(self, path: Path, max_pixels: int | None = None) -> None:
        most = max_pixels or MAX_PIXELS
        self._reader: _Reader
        if path.suffix.lower() in ANIMATED_SUFFIXES:
            from facelm.video.animations import AnimationReader

            self._reader = AnimationReader(path, most)
        else:
            from facelm.video.containers import ContainerReader

            self._reader = ContainerReader(path, most)
        self.path = path
        self.count = self._reader.count
        self.pixels = self._reader.pixels
        self.time_base: Fraction = self._reader.time_base
        self.aspect: Fraction = self._reader.aspect

    def read(self, every: int = 1) -> Iterator[Frame]:
        """The frames, decoded by a thread of their own that is a few frames ahead.

        Args:
            every: Give the first of every so many frames.

        Raises:
            facelm.ImageError: There is no frame that can be read.
        """
        return read_ahead(self._reader.read(every))

    @property
    def faults(self) -> list[str]:
        """What was found to be wrong with the file while it was read; all of it is known when the frames are at an end.

        Damaged frames are left out, and a file that is cut off ends with what it held.
        """
        return self._reader.faults
