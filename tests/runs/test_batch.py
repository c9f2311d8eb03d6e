from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from facelm.pictures.files import ImageError
from facelm.pictures.sources import Source
from facelm.runs.batch import Seen, process


def see(source: Source, rgb: np.ndarray) -> Seen:
    """As many faces as the first pixel says, and in every other picture two hands."""
    count = int(rgb[0, 0, 0])
    return Seen([object()] * count, [object()] * 2 if count % 2 else None)  # type: ignore[list-item]


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    """Thirty pictures; the first pixel of each is its number."""
    found = []
    for number in range(30):
        path = tmp_path / f"{number:02}.png"
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(path)
        found.append(Source(path, path.name, path.stem))
    return found


def test_outcomes_come_in_order_however_long_each_takes(sources: list[Source]) -> None:
    def finish(source: Source, rgb: np.ndarray, seen: Seen) -> str:
        time.sleep(0.01 * (int(source.stem) % 3))
        return source.stem

    outcomes = list(process(sources, see, finish))
    assert [outcome.result for outcome in outcomes] == [source.stem for source in sources]
    assert [outcome.faces for outcome in outcomes] == list(range(30))
    assert [outcome.hands for outcome in outcomes] == [None, 2] * 15
    told = [list(outcome.line()) for outcome in outcomes[:2]]
    assert told == [["image", "faces", "seconds"], ["image", "faces", "hands", "seconds"]]
    assert all(outcome.error is None and outcome.seconds > 0 for outcome in outcomes)


def test_what_fails_is_told_and_the_rest_go_on(sources: list[Source]) -> None:
    assert sources[3].path and sources[4].path
    sources[3].path.write_text("no picture")

    def finish(source: Source, rgb: np.ndarray, seen: Seen) -> None:
        if source is sources[5]:
            raise ImageError("05: disk full")
        if source is sources[6]:
            raise MemoryError
        if source is sources[7]:
            cv2.resize(rgb, (0, 0))

    outcomes = list(process(sources, see, finish))
    failed = {outcome.source.stem: outcome.error for outcome in outcomes if outcome.error}
    assert list(failed) == ["03", "05", "06", "07"]
    assert "07.png: OpenCV cannot process it" in str(failed["07"])
    assert (
        "03.png" in str(failed["03"]) and failed["05"] == "05: disk full" and "06.png: too large" in str(failed["06"])
    )
    assert len(outcomes) == 30


def test_only_a_few_pictures_are_in_memory(sources: list[Source]) -> None:
    lock, alive, most = threading.Lock(), 0, 0

    def finish(source: Source, rgb: np.ndarray, seen: Seen) -> None:
        nonlocal alive, most
        with lock:
            alive += 1
            most = max(most, alive)
        time.sleep(0.005)

    for _ in process(sources, see, finish, threads=3):
        with lock:
            alive -= 1
    assert 0 < most <= 8


def test_stopping_finishes_what_was_begun(sources: list[Source]) -> None:
    finished: list[str] = []

    def finish(source: Source, rgb: np.ndarray, seen: Seen) -> None:
        finished.append(source.stem)

    outcomes = []
    for outcome in process(sources, see, finish, lambda: len(outcomes) >= 3, threads=3):
        outcomes.append(outcome)
    assert 3 <= len(outcomes) < 20
    done = [outcome.source.stem for outcome in outcomes]
    assert sorted(finished) == done == [source.stem for source in sources[: len(outcomes)]]
