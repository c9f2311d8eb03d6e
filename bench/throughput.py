"""Measures a run over a folder: pictures a second, how busy the network is, and whether memory stays flat.

    python bench/throughput.py FOLDER COUNT

The pictures of FOLDER are taken again and again until there are COUNT. Each gets a mask and landmarks, as files in a
temporary folder. Prints a row after each tenth: pictures a second so far, the share of the time in which the network
was at work for at least one of them, and the memory of the process. ``taskset -c 0`` gives the figures of one core.
"""

import sys
import tempfile
import threading
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from facelm import classes
from facelm.parsing.masks import paste
from facelm.parsing.parser import FaceParser
from facelm.pictures import images
from facelm.pictures.sources import Source, find
from facelm.results.faces import record_faces
from facelm.results.pts import write_pts
from facelm.results.records import PictureRecord
from facelm.runs.batch import THREADS, Seen, process

PAGE = 4096


def main(folder: str, count: int) -> None:
    """Run, and print a table."""
    parser = FaceParser(threads=THREADS)
    predict, lock, at_work, busy, since = parser.engine.predict, threading.Lock(), 0, 0.0, 0.0

    def clocked(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        nonlocal at_work, busy, since
        with lock:
            since = since if at_work else time.perf_counter()
            at_work += 1
        try:
            return predict(rgb)
        finally:
            with lock:
                at_work -= 1
                busy += 0.0 if at_work else time.perf_counter() - since

    parser.engine.predict = clocked
    table = Table("pictures", "pictures/s", "network busy", "memory, MB")
    with tempfile.TemporaryDirectory() as out:

        def finish(source: Source, rgb: NDArray[np.uint8], seen: Seen) -> None:
            faces = seen.faces
            height, width = rgb.shape[:2]
            images.write_mask(Path(out) / f"{source.stem}.mask.png", paste(faces, height, width), classes.palette())
            record = PictureRecord(source.name, width, height, record_faces(faces, height, width), stem=source.stem)
            write_pts(record, Path(out))

        begun = time.perf_counter()
        pictures = islice(cycle(find([folder])), count)
        for number, _ in enumerate(process(pictures, lambda source, rgb: Seen(parser.parse(rgb)), finish), 1):
            if number % max(1, count // 10) == 0:
                seconds = time.perf_counter() - begun
                table.add_row(str(number), f"{number / seconds:.1f}", f"{busy / seconds:.0%}", f"{memory():.0f}")
    Console().print(table)


def memory() -> float:
    """Memory of this process that is in use, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
