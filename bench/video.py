"""Measures what facelm makes of videos: jitter, lag, blinks, tracks, speed, memory, and what an overlay keeps.

    python bench/video.py CLIPS PORTRAIT... [--frames 150] [--long 5000] [--model tiny]

CLIPS is a folder of videos, of which each gives its first frames; of each PORTRAIT a noisy clip of 2.5 seconds in H.264
is made, 640 x 360 pixels. Jitter is the standard deviation of a landmark over the last two seconds, lag the delay that
best explains the steady points by those of single frames, where they move the most. A blink is where the lids come
nearer by a quarter of their gap. Of CLIPS that are shorter than ten seconds overlays are made and compared with them.
Speed is that of whole processes, on eight seconds of the first portrait. ``--long`` is the number of frames of the run
that memory is taken from, 0 for none; the first portrait is in a tenth of them, a third of a second at a time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from facelm.parsing.parser import FaceParser
from facelm.pictures import images
from facelm.pictures.motion import CLIP_SUFFIXES
from facelm.video.clips import Clip
from facelm.video.watching import Steadier, follow

RATE, SECONDS, NOISE = 30, 2.5, 6.0
SPEED_SECONDS, SHORT = 8.0, 10.0
LIDS = np.array([(37, 41), (38, 40), (43, 47), (44, 46)])
Points = NDArray[np.float64]


def main() -> None:
    """Measure, and print tables."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("clips", type=Path)
    options.add_argument("portraits", type=Path, nargs="+")
    options.add_argument("--frames", type=int, default=150)
    options.add_argument("--long", type=int, default=5000)
    options.add_argument("--model", default="tiny")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noisy = [make_noisy(path, folder / f"{path.stem}.mp4") for path in given.portraits]
        if given.long:  # first, for a process counts what the one that starts it has as its own
            show(measure_memory(noisy[0], folder, given.long, given.model))
        parser = FaceParser(given.model, "cpu")
        table = Table("still portrait", "alone %", "steady %", "share")
        for path in noisy:
            alone, steady, _, _ = watch(path, parser, None)
            before, after = jitter(alone), jitter(steady)
            table.add_row(path.stem, f"{before:.3f}", f"{after:.3f}", f"{after / before:.2f}")
        show(table)
        table = Table("clip", "frames", "with a face", "tracks", "lag, frames", "blinks", "least depth")
        clips = sorted(each for each in given.clips.iterdir() if each.suffix.lower() in CLIP_SUFFIXES)
        for path in clips:
            table.add_row(path.name, *describe(path, parser, given.frames))
        show(table)
        table = Table("overlay of", "", "seconds", "last frame at", "sound, seconds", "size")
        for path in clips:
            for row in compare(path, folder, given.model):
                table.add_row(*row)
        show(table)
        table = Table("one face, 640 x 360", "frames", "frames/s", "processor, ms a frame")
        long = make_noisy(given.portraits[0], folder / "speed.mp4", SPEED_SECONDS)
        for command, out in (("overlay", folder / "speed"), ("landmarks", folder / "speed.jsonl")):
            table.add_row(command, *measure_speed(command, long, out, given.model))
        show(table)


def show(table: Table) -> None:
    """Print a table, whole also where there is no terminal."""
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def make_noisy(portrait: Path, path: Path, seconds: float = SECONDS) -> Path:
    """A clip of a portrait that stands still."""
    rgb = images.read(portrait)
    scale = 360 / rgb.shape[0]
    small = cv2.resize(rgb, (min(640, round(rgb.shape[1] * scale)) // 2 * 2, 360), interpolation=cv2.INTER_AREA)
    room = (640 - small.shape[1]) // 2
    still = cv2.copyMakeBorder(small, 0, 0, room, 640 - small.shape[1] - room, cv2.BORDER_REPLICATE).astype(float)
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for _ in range(round(RATE * seconds)):
            frame = (still + random.normal(0, NOISE, still.shape)).clip(0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def watch(path: Path, parser: FaceParser, frames: int | None) -> tuple[Points, Points, list[int], list[int]]:
    """Landmarks of the first track, alone and steady: (N, 68, 2) each; numbers of faces, and of all tracks."""
    steady, alone, smooth, faces, tracks = Steadier(masks=False), [], [], [], []
    for seen in islice(follow(Clip(path), parser, masks=False), frames):
        faces.append(len(seen.faces))
        tracks += [each.track for each in seen.faces]
        for each, other in zip(seen.faces, steady(seen).faces, strict=True):
            if each.track == tracks[0]:
                alone.append(each.landmarks.points)
                smooth.append(other.landmarks.points)
    return np.array(alone), np.array(smooth), faces, sorted(set(tracks))


def unit(points: Points) -> float:
    """The mean inter-ocular distance, pixels."""
    return float(np.linalg.norm(points[:, 36:42].mean(1) - points[:, 42:48].mean(1), axis=1).mean())


def jitter(points: Points) -> float:
    """Standard deviation of a landmark over the last two seconds, in % of the inter-ocular distance."""
    last = points[-2 * RATE :]
    return float(100 * np.sqrt(last.var(0).sum(1)).mean() / unit(last))


def delay(alone: Points, steady: Points) -> float:
    """By how many frames the steady points come late, in the 30 frames in which they move the most."""
    moved = np.linalg.norm(np.diff(alone, axis=0), axis=2).mean(1)
    length = min(30, len(moved))
    start = int(np.convolve(moved, np.ones(length), "valid").argmax())
    frames = np.arange(max(start, 4), start + length)
    shifts = np.arange(0, 4, 0.05)
    errors = []
    for shift in shifts:
        whole, part = int(shift), shift % 1
        before = (1 - part) * alone[frames - whole] + part * alone[np.maximum(frames - whole - 1, 0)]
        errors.append(float(((before - steady[frames]) ** 2).mean()))
    return float(shifts[int(np.argmin(errors))])


def find_blinks(alone: Points, steady: Points) -> list[float]:
    """How much of the depth of each blink is left."""
    gaps = [
        np.mean([np.linalg.norm(each[:, up] - each[:, low], axis=1) for up, low in LIDS], 0) for each in (alone, steady)
    ]
    usual = float(np.median(gaps[0]))
    near = [gaps[0][max(0, at - 3) : at + 4].min() for at in range(len(alone))]
    deep = [at for at in range(3, len(alone) - 3) if gaps[0][at] == near[at] < 0.75 * usual]
    return [float((usual - gaps[1][at - 1 : at + 3].min()) / (usual - gaps[0][at])) for at in deep]


def describe(path: Path, parser: FaceParser, frames: int) -> Iterator[str]:
    """The cells of a clip."""
    alone, steady, faces, tracks = watch(path, parser, frames)
    yield from (str(len(faces)), str(sum(map(bool, faces))), str(len(tracks)))
    yield f"{delay(alone, steady):.2f}" if len(alone) > 40 else "-"
    blinks = find_blinks(alone, steady) if len(alone) > 40 else []
    yield str(len(blinks))
    yield f"{min(blinks):.2f}" if blinks else "-"


def run(*arguments: object) -> tuple[float, float, float]:
    """Run a command of facelm: the seconds that it took, those of processors, and the most memory, MB."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "facelm", *map(str, arguments), "-q"])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def measure_speed(command: str, path: Path, out: Path, model: str) -> Iterator[str]:
    """Frames, frames a second and processor time of a whole process."""
    seconds, busy, _ = run(command, path, "-o", out, "--model", model)
    count = sum(1 for _ in Clip(path).read())
    yield from (str(count), f"{count / seconds:.1f}", f"{1000 * busy / count:.1f}")


def compare(path: Path, folder: Path, model: str) -> Iterator[tuple[str, ...]]:
    """A row for a clip and one for its overlay, if the clip is short."""
    with av.open(str(path)) as container:
        if float((container.duration or 0) / av.time_base) > SHORT:
            return
    run("overlay", path, "-o", folder / "overlays", "--model", model)
    for each, name in ((path, path.name), (folder / "overlays" / f"{path.stem}.overlay.mp4", "")):
        frames = [(frame.moment, frame.lasts, frame.rgb.shape) for frame in Clip(each).read()]
        lasts = float(frames[-1][0] + frames[-1][1] - frames[0][0])
        size = "x".join(map(str, frames[0][2][1::-1]))
        yield name, "" if name else "overlay", f"{lasts:.3f}", f"{float(frames[-1][0]):.3f}", hear(each), size


def hear(path: Path) -> str:
    """Codec and length of the sound of a clip."""
    with av.open(str(path)) as container:
        for stream in container.streams.audio:
            ends = [float((each.pts + each.duration) * each.time_base) for each in container.decode(stream)]
            return f"{stream.codec_context.name}, {max(ends):.3f}"
    return ""


def measure_memory(path: Path, folder: Path, frames: int, model: str) -> Table:
    """Rows and memory of ``facelm landmarks`` on a long clip, and on its first fifth."""
    table = Table("frames", "rows", "times to the millisecond", "most memory, MB")
    for count in (frames // 5, frames):
        long = folder / f"{count}.mp4"
        repeat(path, long, count)
        lines = folder / f"{count}.jsonl"
        *_, most = run("landmarks", long, "-o", lines, "--model", model)
        times = [json.loads(line)["timestamp"] for line in lines.read_text().splitlines()]
        right = max(abs(told - number / RATE) for number, told in enumerate(times)) < 0.0005
        table.add_row(str(count), str(len(times)), "yes" if right else "no", f"{most:.0f}")
    return table


def repeat(path: Path, long: Path, frames: int) -> None:
    """A clip of so many frames, a tenth of them of another one, the others grey."""
    pictures = [frame.rgb for frame in Clip(path).read()]
    grey = np.full_like(pictures[0], 110)
    with av.open(str(long), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(frames):
            shown = pictures[number % len(pictures)] if number % 100 < 10 else grey
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
