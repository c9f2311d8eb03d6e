"""Which files hold moving pictures."""

from __future__ import annotations

from pathlib import Path

CLIP_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"})
"""Lower-case suffixes of the files that are taken for clips."""

ANIMATED_SUFFIXES = frozenset({".gif", ".webp"})
"""Suffixes of pictures that are clips if they have more than one frame."""

_WEBP_ANIMATION = 2  # of the flags of an extended WebP file


def is_clip(path: Path | None) -> bool:
    """Whether a file is a video: by its suffix, or as a GIF or WebP that moves; None, standard input, is a picture."""
    suffix = path.suffix.lower() if path is not None else ""
    return suffix in CLIP_SUFFIXES or (path is not None and suffix in ANIMATED_SUFFIXES and _moves(path))


def _moves(path: Path) -> bool:
    """Whether a GIF or WebP file has more than one frame; False for one that cannot be read."""
    from PIL import Image

    from facelm.pictures.files import ImageError
    from facelm.pictures.images import MAX_PIXELS, pixel_limit

    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(21)
        if start[8:16] == b"WEBPVP8X":  # PIL would decode the file to tell
            return len(start) > 20 and bool(start[20] & _WEBP_ANIMATION)
        if start[:3] != b"GIF":
            return False
        with pixel_limit(MAX_PIXELS, str(path)), Image.open(path, formats=("GIF",)) as image:
            return bool(getattr(image, "is_animated", False))
    except (OSError, ValueError, SyntaxError, ImageError):  # whoever reads it says what is wrong
        return False
