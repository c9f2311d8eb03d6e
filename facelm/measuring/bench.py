"""How fast facelm is here: milliseconds for each stage of a picture's way, pictures a second, memory."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.finding.finder import Detection
from facelm.landmarks.find import find_landmarks
from facelm.parsing.face import Face
from facelm.parsing.masks import paste
from facelm.parsing.parser import FaceParser
from facelm.pictures import files, images, sources
from facelm.pictures.sources import Source
from facelm.runs import batch

_LEAST_RUNS = 20
_SIDE_BY_SIDE = 60


@dataclass(frozen=True)
class Speed:
    """What was measured.

    Attributes:
        engine: What ran the network, and in which way (see `facelm.engines.ways`).
        threads: Pictures that were worked on at once for ``pictures_per_second``.
        load: Seconds until the model was ready.
        stages: Median milliseconds of each stage for a picture, one picture at a time.
        faces: Mean number of faces in a picture.
        pictures_per_second: From file to mask and landmarks, several pictures at once.
        peak_memory: Of the process, MB; None where the system does not tell.
    """

    engine: str
    threads: int
    load: float
    stages: Mapping[str, float]
    faces: float
    pictures_per_second: float
    peak_memory: float | None


def measure(found: Sequence[Source], model: str, device: str, done: Callable[[int, int], None]) -> Speed:
    """Measure the speed on some pictures.

    Args:
        found: The pictures; few are taken several times.
        model: Name of a shipped model, or path of one that ``facelm train`` wrote.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        done: Called with the number of pictures done, and to do.

    Raises:
        facelm.ModelError: The model or the device is not there.
        facelm.ImageError: A picture cannot be read.
    """
    begun = time.perf_counter()
    parser = FaceParser(model, device)
    load = time.perf_counter() - begun
    runs = max(len(found), _LEAST_RUNS)
    total = 1 + runs + _SIDE_BY_SIDE
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        _time_stages(parser, found[0], out)
        rows, faces = [], 0
        for number, source in enumerate(islice(cycle(found), runs), 1):
            row, count = _time_stages(parser, source, out)
            rows.append(row)
            faces += count
            done(number, total)
        stages = {name: 1e3 * median(row[name] for row in rows) for name in rows[0]}
        engine = f"{type(parser.engine).__name__}, {parser.engine.way}"
        del parser  # the next one is opened for several threads: what the two need is not to be added up
        rate = _time_folder(found, model, device, out, lambda number: done(1 + runs + number, total))
    return Speed(engine, batch.THREADS, load, stages, faces / runs, rate, _peak_memory())


def _time_stages(parser: FaceParser, source: Source, out: Path) -> tuple[dict[str, float], int]:
    """Seconds of each stage, and the number of faces."""
    times: dict[str, float] = {}

    def clock(stage: str, work: Callable[[], object]) -> None:
        begun = time.perf_counter()
        work()
        times[stage] = time.perf_counter() - begun

    rgb: NDArray[np.uint8] = sources.read(source)
    clock("read the file", lambda: sources.read(source))
    found: list[Detection] = []
    clock("find the faces", lambda: found.extend(parser.finder.find(rgb, parser.min_face, parser.min_score)))
    faces: list[Face] = []
    clock("parse the faces", lambda: faces.extend(parser.parse_detections(rgb, found)))
    faces = [face for face in faces if face.score >= parser.min_score]
    mask = np.zeros(rgb.shape[:2], np.uint8)
    clock("paste the mask", lambda: np.copyto(mask, paste(faces, *rgb.shape[:2])))
    clock("find the landmarks", lambda: [find_landmarks(face) for face in faces])
    clock("write the mask", lambda: images.write_mask(out / "mask.png", mask, classes.palette()))
    times["picture to mask and landmarks"] = sum(
        times[stage] for stage in ("find the faces", "parse the faces", "paste the mask", "find the landmarks")
    )
    return times, len(faces)


def _time_folder(found: Sequence[Source], model: str, device: str, out: Path, done: Callable[[int], None]) -> float:
    """Pictures a second, several at once, the first few left out."""
    parser = FaceParser(model, device, threads=batch.THREADS)

    def see(source: Source, rgb: NDArray[np.uint8]) -> batch.Seen:
        return batch.Seen(parser.parse(rgb))

    def finish(source: Source, rgb: NDArray[np.uint8], seen: batch.Seen) -> None:
        images.write_mask(out / f"{Path(source.stem).name}.png", paste(seen.faces, *rgb.shape[:2]), classes.palette())
        for face in seen.faces:
            find_landmarks(face)

    warm = 2 * batch.THREADS
    pictures = islice(cycle(found), warm + _SIDE_BY_SIDE)
    begun = time.perf_counter()
    for number, outcome in enumerate(batch.process(pictures, see, finish), 1):
        if outcome.error:
            raise files.ImageError(outcome.error)
        if number == warm:
            begun = time.perf_counter()
        done(max(0, number - warm))
    return _SIDE_BY_SIDE / (time.perf_counter() - begun)


def _peak_memory() -> float | None:
    """Most memory that this process has had in use, MB."""
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
