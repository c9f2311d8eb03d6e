"""The sound of a clip on its way into an MP4: copied packet by packet where that can hold it, else encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from facelm.pictures.files import ImageError
from facelm.video.containers import open_container

_COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac", "mp2"})
"""Codecs that an MP4 can hold as they are."""

_BITS = 160_000  # a second, of what is encoded anew
_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # that AAC has


def open_sound(path: Path, container: Any, stack: ExitStack) -> Sound | None:
    """The sound of a clip, with a stream for it in a container.

    Args:
        path: The clip.
        container: Open for writing; nothing is written yet.
        stack: What closes the clip.

    Returns:
        None where there is none that can be read.
    """
    with suppress(ImageError, av.FFmpegError):
        source = stack.enter_context(open_container(path))
        best = source.streams.best("audio")
        if best is None or best.codec_context is None:
            return None
        if best.codec_context.name in _COPIED:
            return Sound(_copy(source.demux(best), container.add_stream_from_template(best)), container)
        return Sound(_encode(source, best, container), container)
    return None


class Sound:
    """Sound that goes into a container as far as the pictures are.

    Args:
        packets: With the time, in seconds, at which each begins.
        container: Where they go.
    """

    def __init__(self, packets: Iterator[tuple[float, Any]], container: Any) -> None:
        self._packets, self._container = packets, container
        self._waiting = self._take()

    def write_until(self, seconds: float) -> None:
        """Write the packets that begin before a time."""
        while self._waiting is not None and self._waiting[0] < seconds:
            self._container.mux(self._waiting[1])
            self._waiting = self._take()

    def _take(self) -> tuple[float, Any] | None:
        try:
            return next(self._packets, None)
        except av.FFmpegError:  # the clip is cut off
            return None


def _copy(packets: Iterator[Any], stream: Any) -> Iterator[tuple[float, Any]]:
    """The packets of a clip, as those of a stream."""
    for packet in packets:
        if packet.pts is not None and packet.dts is not None:
            begins = float(packet.pts * packet.time_base)
            packet.stream = stream
            yield begins, packet


def _encode(source: Any, sound: Any, container: Any) -> Iterator[tuple[float, Any]]:
    """Packets of AAC; the stream is there before the first is asked for."""
    rate = min(_RATES, key=lambda each: abs(each - sound.codec_context.sample_rate))
    layout = "mono" if sound.codec_context.layout.nb_channels == 1 else "stereo"
    stream = container.add_stream("aac", rate=rate, layout=layout)
    stream.bit_rate = _BITS
    return _resample(source, sound, stream, av.AudioResampler("fltp", layout, rate))


def _resample(source: Any, sound: Any, stream: Any, resampler: Any) -> Iterator[tuple[float, Any]]:
    start: Fraction | None = None
    samples = 0

    def pack(frames: Any) -> Iterator[tuple[float, Any]]:
        nonlocal samples
        for frame in frames:
            frame.pts, frame.time_base = samples + round((start or 0) * stream.rate), Fraction(1, stream.rate)
            samples += frame.samples
            yield from _timed(stream.encode(frame))

    for packet in source.demux(sound):
        with suppress(av.InvalidDataError):  # damaged sound is left out
            for frame in packet.decode():
                if start is None:
                    start = (frame.pts or 0) * (frame.time_base or Fraction(1, stream.rate))
                yield from pack(resampler.resample(frame))
    yield from pack(resampler.resample(None))
    yield from _timed(stream.encode(None))


def _timed(packets: Any) -> Iterator[tuple[float, Any]]:
    return ((float((packet.pts or 0) * packet.time_base), packet) for packet in packets)
