"""Videos as they are written: drawn frames in H.264 with the sound of their clip, and masks without loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from facelm.pictures.files import atomic_path, error_of
from facelm.pictures.motion import ANIMATED_SUFFIXES
from facelm.video.clips import Clip
from facelm.video.frames import Frame
from facelm.video.sound import Sound, open_sound

_BT709, _LIMITED, _FULL = 1, 1, 2
_FINEST = Fraction(1, 90_000)
_SMALL = 1 << 19  # pixels of frames for which threads cost the encoder more than they give


@contextmanager
def write_video(path: Path, clip: Clip, masks: bool = False) -> Iterator[VideoWriter]:
    """Write a video, whole or not at all; one whose frames come to an end early is whole as well.

    Args:
        path: MP4, or Matroska for masks.
        clip: Whose times and sound it gets.
        masks: Frames are class indices (H, W), kept exactly (FFV1, grey); without, RGB (H, W, 3).

    Raises:
        facelm.ImageError: It cannot be written.
    """
    with atomic_path(path) as temporary:
        try:
            with VideoWriter(temporary, clip, masks) as writer:
                yield writer
        except av.FFmpegError as error:
            raise error_of(path, f"cannot be written ({error.strerror})") from error


class VideoWriter:
    """Encodes frames at their own times; to be used in a with-block."""

    def __init__(self, path: Path, clip: Clip, masks: bool) -> None:
        self.clip = clip
        self.masks = masks
        self._stack = ExitStack()
        self._container = self._stack.enter_context(av.open(str(path), "w"))
        self._reformatter = VideoReformatter()
        self._video: Any = None
        self._sound: Sound | None = None
        self._time_base = max(clip.time_base, _FINEST)
        self._last = -1
        self._lasts: dict[int, int] = {}
        self._end = 0.0

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if self._video is not None:
                self._mux(self._video.encode(None))
                if self._sound is not None:
                    self._sound.write_until(self._end)

    def write(self, frame: Frame, pixels: NDArray[np.uint8]) -> None:
        """Write what became of a frame.

        Args:
            frame: Of the clip; its time counts.
            pixels: (H, W, 3) RGB, or (H, W) class indices; of the size of the first.
        """
        if self._video is None:
            self._begin(*pixels.shape[:2])
        height, width = self._video.height, self._video.width
        if pixels.shape[:2] != (height, width):
            missing = (height - pixels.shape[0], width - pixels.shape[1])
            if min(missing) >= 0 and max(missing) <= 1:  # H.264 wants even sides
                pixels = np.pad(pixels, [(0, missing[0]), (0, missing[1]), (0, 0)][: pixels.ndim], "edge")
            else:
                pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
        picture = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), "gray" if self.masks else "rgb24")
        if not self.masks:
            picture = self._reformatter.reformat(
                picture, format="yuv420p", dst_colorspace=_BT709, src_color_range=_FULL, dst_color_range=_LIMITED
            )
        self._last = max(self._last + 1, round(frame.moment / self._time_base))
        picture.pts, picture.time_base = self._last, self._time_base
        self._lasts[self._last] = round(frame.lasts / self._time_base)
        self._mux(self._video.encode(picture))
        self._end = float(frame.moment + frame.lasts)
        if self._sound is not None:
            self._sound.write_until(frame.timestamp)

    def _mux(self, packets: Sequence[Any]) -> None:
        """Write packets; encoders do not pass on how long a frame is shown, which ends the last one."""
        for packet in packets:
            if lasts := self._lasts.pop(packet.pts, 0):
                packet.duration = lasts
            self._container.mux(packet)

    def _begin(self, height: int, width: int) -> None:
        if self.masks:
            self._video = self._container.add_stream("ffv1", options={"level": "3", "slicecrc": "1"})
            self._video.pix_fmt = "gray"
        else:
            self._video = self._container.add_stream("libx264", options={"crf": "18", "preset": "veryfast"})
            self._video.pix_fmt = "yuv420p"
            height, width = height + height % 2, width + width % 2
            context = self._video.codec_context
            if height * width <= _SMALL:
                context.thread_count = 1
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED
        self._video.height, self._video.width = height, width
        self._video.time_base = self._video.codec_context.time_base = self._time_base
        if not self.masks and self.clip.path.suffix.lower() not in ANIMATED_SUFFIXES:
            self._sound = open_sound(self.clip.path, self._container, self._stack)
