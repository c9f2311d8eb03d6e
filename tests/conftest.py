"""Fixtures that many tests share: drawn faces, pictures, the parser, a tiny training run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest
import skimage.data

os.environ["OMP_NUM_THREADS"] = "1"  # for pictures this small, threads only wait for each other
os.environ["COLUMNS"] = "300"  # a message stays in one line, however long the names of temporary folders are
# Rich and Typer would take files and pipes for terminals, as some services of CI have it.
os.environ |= dict.fromkeys(("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TERMINAL_WIDTH", "TTY_COMPATIBLE"), "")

# Of several workers (pytest -n), each has processors of its own, as libraries start a thread for each they may use.
if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
    worker, workers = (os.environ[f"PYTEST_XDIST_WORKER{part}"] for part in ("", "_COUNT"))
    own = sorted(os.sched_getaffinity(0))[int(worker.removeprefix("gw")) :: int(workers)]
    os.sched_setaffinity(0, own or os.sched_getaffinity(0))

import commands
from common import ROOT, draw_face, write_pair

from facelm.parsing.parser import FaceParser
from facelm.pictures import images

if TYPE_CHECKING:
    from facelm.training.config import TrainConfig
    from facelm.training.events import Event

hypothesis.settings.register_profile(
    "the_same", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("the_same")  # on whatever machine, however busy


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is kept in the cache folder of whoever runs the tests."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def seed() -> None:
    """What is drawn by lot does not depend on the tests that ran before."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture
def face() -> tuple[np.ndarray, np.ndarray]:
    """A picture of 64 by 64 pixels and its mask."""
    return draw_face(64, 0)


@pytest.fixture
def draw_data(tmp_path: Path) -> Callable[..., Path]:
    """Writes a data folder that the test may spoil: ``draw_data(count, size)``."""

    def draw(count: int = 3, size: int = 64) -> Path:
        for seed in range(count):
            write_pair(tmp_path / "data", f"{seed:02}", *draw_face(size, seed))
        return tmp_path / "data"

    return draw


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of ten faces, read only."""
    folder = tmp_path_factory.mktemp("faces")
    for seed in range(10):
        write_pair(folder, f"{seed:02}", *draw_face(80, seed))
    return folder


@pytest.fixture(scope="session")
def facelm() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line: ``facelm("train", "--data", folder)``."""
    return commands.run


@pytest.fixture(scope="session")
def parser() -> FaceParser:
    """The shipped model on the CPU."""
    return FaceParser("lite", "cpu")


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A real face: Eileen Collins, NASA."""
    return skimage.data.astronaut()


@pytest.fixture(scope="session")
def group() -> np.ndarray:
    """The sample picture of five people."""
    return images.read(ROOT / "sample_images" / "group.jpg")


@pytest.fixture(scope="session")
def no_face() -> np.ndarray:
    """The sample picture of nobody."""
    return images.read(ROOT / "sample_images" / "no_face.jpg")


@pytest.fixture(scope="session")
def config(faces: Path) -> TrainConfig:
    """Four epochs of three steps: nine drawn faces to train on, one to validate on."""
    from facelm.training.config import TrainConfig

    return TrainConfig(
        (str(faces),), "", encoder="mobilenet_v2", epochs=4, size=64, batch=3, lr=3e-3, workers=0, device="cpu"
    )


@pytest.fixture(scope="session")
def events() -> list[Event]:
    """What the run called ``straight`` reported."""
    return []


@pytest.fixture(scope="session")
def straight(config: TrainConfig, events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that went through without a stop, read only."""
    from facelm.training.train import Run

    folder = tmp_path_factory.mktemp("runs") / "straight"
    assert Run(replace(config, out=str(folder)), on_event=events.append).train()
    return folder
