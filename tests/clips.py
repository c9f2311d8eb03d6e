"""Small clips that tests make themselves, with PyAV from the sample pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from common import ROOT
from PIL import Image

from facelm.pictures import images

SIZE = (160, 192)
"""Height and width of the clips."""


def portrait(shift: float = 0.0, size: tuple[int, int] = SIZE, zoom: float = 1.0) -> np.ndarray:
    """The sample person, moved to the right by some pixels, on grey."""
    rgb = images.read(ROOT / "sample_images" / "person.jpg")[0:300, 75:375]
    height, width = size
    scale = zoom * height / 300
    matrix = np.array([[scale, 0, (width - 300 * scale) / 2 + shift], [0, scale, 0]])
    return cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=(120, 120, 120))


def empty(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Nobody."""
    return np.full((*size, 3), 90, np.uint8)


def to_jpeg(rgb: np.ndarray) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(rgb).save(encoded, "JPEG", quality=95)
    return encoded.getvalue()


def tone(seconds: float, rate: int = 16_000) -> av.AudioFrame:
    wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
    frame.sample_rate = rate
    frame.pts = 0
    return frame


def write_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    milliseconds: Sequence[int] | None = None,
    rate: int = 25,
    rotation: float = 0.0,
    sound: float = 0.0,
    codec: str = "libx264",
    sound_codec: str = "aac",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip.

    Args:
        path: The suffix says which container.
        frames: (H, W, 3) uint8 each.
        milliseconds: When each is shown; by default at a constant rate.
        rate: Frames a second.
        rotation: Degrees in the display matrix.
        sound: Seconds of a tone.
        codec: Of the pictures.
        sound_codec: Of the tone.
        options: Of the codec.
        container_options: Of the container.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options={"crf": "18"} if options is None else options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000) if milliseconds else Fraction(1, rate)
        if rotation:
            stream.set_display_rotation(rotation)
        if sound:
            audio = container.add_stream(sound_codec, rate=16_000)
            audio.layout = "mono"
        for number, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts = milliseconds[number] if milliseconds else number
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            container.mux(audio.encode(tone(sound)))
            container.mux(audio.encode(None))
    return path
