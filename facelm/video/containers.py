"""Clips in containers, such as MP4, as PyAV decodes them: upright frames in their true time, faults told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from facelm.pictures.files import error_of
from facelm.video.frames import Frame

_NAMED = 5  # faults that are named one by one
_SMALL = 1 << 20  # pixels that any frame may have
_SHORT = 0.3  # seconds that a whole file may end before it says
_UNTIMED = Fraction(1, 25)


class ContainerReader:
    """Reads the frames of a clip, once, from the first to the last.

    Args:
        path: The file.
        most: Pixels that a frame may have.

    Attributes:
        faults: What was found to be wrong with the file so far, in words.

    Raises:
        facelm.ImageError: The file cannot be opened, or holds no video.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self.faults: list[str] = []
        with open_container(path) as container:
            stream = find_video(container, path)
            self.pixels = stream.width * stream.height
            if self.pixels > most:
                raise error_of(path, f"too many pixels ({self.pixels:,}; the limit is {most:,})")
            self.time_base = stream.time_base or Fraction(1, 90_000)
            self.aspect = stream.sample_aspect_ratio or Fraction(1)
            self.rate = stream.average_rate or stream.guessed_rate or 1 / _UNTIMED
            self.length = _length(container, stream)
            self.count = stream.frames or (round(self.length * self.rate) if self.length else None)

    def read(self, every: int) -> Iterator[Frame]:
        """The frames, of which only every so-manieth is turned into pixels and given."""
        damaged: list[float] = []
        reformatter = VideoReformatter()  # one for all frames: to set it up takes longer than what it does
        number, moment, end = 0, -1 / Fraction(self.rate), Fraction(0)
        with open_container(self.path) as container:
            stream = find_video(container, self.path)
            stream.thread_type = "AUTO"
            # Without the first some decoders hide what is damaged; later frames may be larger than the file says.
            stream.codec_context.options = {"err_detect": "explode", "max_pixels": str(max(2 * self.pixels, _SMALL))}
            start = (stream.start_time or 0) * self.time_base

            def note(packet: Packet[VideoStream]) -> None:
                damaged.append(float((packet.pts or 0) * self.time_base))

            for packet in self._packets(container, stream):
                for frame in _decode(packet, note):
                    moment = _moment(frame, self.time_base, moment + 1 / Fraction(self.rate))
                    lasts = (frame.duration or 0) * self.time_base
                    end = max(end, moment + lasts)
                    if frame.is_corrupt:
                        damaged.append(float(moment))
                    elif number % every == 0:
                        yield Frame(number, moment, lasts, turn_upright(frame, reformatter))
                    number += 1
        if damaged:
            self.faults.append(_name(damaged))
        if self.length and float(end - start) < self.length - max(_SHORT, 2 / float(self.rate)):
            self.faults.append(f"ends early, after {float(end - start):.2f} of {self.length:.2f} s")
        if not number:
            raise error_of(self.path, "; ".join(["holds no frame that can be read", *self.faults]))

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                self.faults.append(f"cannot be read to its end ({error.strerror})")
                return
            if packet is None:
                return
            yield packet


def open_container(path: Path) -> InputContainer:
    """Open a clip for reading.

    Raises:
        facelm.ImageError: It cannot be opened.
    """
    try:
        return av.open(str(path), metadata_errors="replace")
    except FileNotFoundError as error:
        raise error_of(path, "no such file") from error
    except PermissionError as error:
        raise error_of(path, "no permission to read it") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise error_of(path, f"not a clip, or damaged ({cause})") from error


def find_video(container: InputContainer, path: Path) -> VideoStream:
    """The pictures of a container: its best stream that is no cover of an album.

    Raises:
        facelm.ImageError: There are none.
    """
    best = container.streams.best("video")
    if not isinstance(best, VideoStream) or "attached_pic" in str(best.disposition) or not best.codec_context:
        raise error_of(path, "holds no video")
    return best


def turn_upright(frame: VideoFrame, reformatter: VideoReformatter) -> NDArray[np.uint8]:
    """The pixels of a frame in RGB, (H, W, 3) uint8, turned and mirrored in right angles as its display matrix says."""
    rgb = reformatter.reformat(frame, format="rgb24").to_ndarray()
    try:
        matrix = bytes(frame.side_data[Type.DISPLAYMATRIX])  # type: ignore[typeddict-item]
    except KeyError:
        matrix = b""
    if matrix:
        # x' = a x + c y, y' = b x + d y, in rows (a, b, u), (c, d, v), (x, y, w) of fixed-point numbers.
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
        if abs(b) > abs(a):
            rgb, a, d = rgb.transpose(1, 0, 2), c, b
        rgb = rgb[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(rgb, np.uint8)


def _decode(packet: Packet[VideoStream], note: Callable[[Packet[VideoStream]], None]) -> list[VideoFrame]:
    """The frames that a packet completes; those that cannot be decoded are noted."""
    if packet.is_corrupt:
        note(packet)
        return []
    try:
        return packet.decode()
    except (av.FFmpegError, ValueError):
        note(packet)
        return []


def _moment(frame: VideoFrame, time_base: Fraction, expected: Fraction) -> Fraction:
    """When a frame is shown; where it does not tell, when it is expected."""
    return expected if frame.pts is None else frame.pts * (frame.time_base or time_base)


def _length(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds that the pictures last by the file's own word; None where it has none."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    told = stream.metadata.get("DURATION", "").split(":")  # of Matroska, 00:00:03.040000000
    if len(told) == 3:
        hours, minutes, seconds = map(float, told)
        return 3600 * hours + 60 * minutes + seconds
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def _name(damaged: list[float]) -> str:
    places = ", ".join(f"{seconds:.2f}" for seconds in damaged[:_NAMED])
    more = f" and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else ""
    frames = "a damaged frame is" if len(damaged) == 1 else f"{len(damaged)} damaged frames are"
    return f"{frames} left out, at {places}{more} s"
