"""Animated GIF and WebP pictures as clips: PIL knows how their frames lie on each other, transparency goes to white."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from PIL import Image

from facelm.pictures.files import ImageError, error_of
from facelm.pictures.images import pixel_limit
from facelm.pictures.pixels import to_upright_rgb
from facelm.video.frames import Frame

_SOONEST = 11  # milliseconds; browsers show what claims less for the time below
_SLOW = 100


class AnimationReader:
    """Reads the frames of an animated picture, once, from the first to the last.

    Args:
        path: The file.
        most: Pixels that a frame may have.

    Attributes:
        faults: What was found to be wrong with the file so far, in words.

    Raises:
        facelm.ImageError: The file cannot be opened.
    """

    time_base = Fraction(1, 1000)
    aspect = Fraction(1)

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self._most = most
        self.faults: list[str] = []
        with self._open() as image, pixel_limit(most, str(path)):
            self.pixels = image.width * image.height
            if self.pixels > most:
                raise error_of(path, f"too many pixels ({self.pixels:,}; the limit is {most:,})")
            self.count: int | None = getattr(image, "n_frames", None)

    def read(self, every: int) -> Iterator[Frame]:
        """The frames, of which only every so-manieth is given."""
        moment = Fraction(0)
        with self._open() as image:
            for number in range(self.count or 1):
                try:
                    with pixel_limit(self._most, str(self.path)):
                        image.seek(number)
                    image.load()
                except Exception as error:  # damaged data make PIL raise nearly anything
                    self.faults.append(f"ends early, at frame {number} ({error or type(error).__name__})")
                    break
                told = int(image.info.get("duration", 0))
                lasts = Fraction(told if told >= _SOONEST else _SLOW, 1000)
                if number % every == 0:
                    yield Frame(number, moment, lasts, to_upright_rgb(image))
                moment += lasts

    def _open(self) -> Image.Image:
        try:
            with pixel_limit(self._most, str(self.path)):
                return Image.open(self.path, formats=("GIF", "WEBP"))
        except ImageError:
            raise
        except Exception as error:
            cause = getattr(error, "strerror", None) or "cannot identify image file"
            raise error_of(self.path, f"not an animated picture, or damaged ({cause})") from error
