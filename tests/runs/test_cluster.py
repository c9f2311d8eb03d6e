"""The Ray engine on a cluster of two nodes, on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from commands import PATIENCE, lines, started, wait_until
from PIL import Image

from facelm.pictures.sources import Source
from facelm.pictures.texts import UsageError
from facelm.runs.batch import Seen
from facelm.runs.cluster import process

Cluster = pytest.importorskip("ray.cluster_utils", reason="the extra facelm[ray] is not installed").Cluster
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def photos(tmp_path: Path, astronaut: np.ndarray) -> Path:
    """Twenty-four small portraits, and one file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    portrait = Image.fromarray(astronaut[:256, 96:352]).resize((160, 160))
    for number in range(24):
        portrait.rotate(number - 12, Image.Resampling.BILINEAR).save(folder / f"{number:02}.png")
    (folder / "broken.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of one node, with one processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")  # or it kills workers where others take the memory
        head = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        patch.setenv("RAY_ADDRESS", head.address)
        yield head
        head.shutdown()


def test_a_node_that_dies_costs_nothing_but_time(facelm: Run, cluster: Cluster, photos: Path, tmp_path: Path) -> None:
    local, spread = tmp_path / "local", tmp_path / "spread"
    here = facelm("parse", photos, "-o", local, "--json")
    assert here.returncode == 1
    doomed = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    command = ["parse", photos, "-o", spread, "--json", "--engine", "ray"]
    with started(*command, stdout=subprocess.PIPE) as running:
        wait_until(lambda: list(spread.glob("*.mask.png")), running)
        cluster.remove_node(doomed, allow_graceful=False)
        stdout, stderr = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1, stderr
    assert "broken.png" in stderr
    results = [[line | {"seconds": 0} for line in lines(text)] for text in (here.stdout, stdout)]
    assert results[0] == results[1] and len(results[0]) == 25
    names = sorted(path.name for path in local.iterdir())
    assert names == sorted(path.name for path in spread.iterdir()) and len(names) == 24
    assert all((local / name).read_bytes() == (spread / name).read_bytes() for name in names)


@pytest.mark.usefixtures("cluster")
def test_landmarks_are_those_of_the_local_engine(facelm: Run, photos: Path, tmp_path: Path) -> None:
    inputs = [photos / name for name in ("03.png", "broken.png", "20.png")]
    for engine in ("local", "ray"):
        done = facelm("landmarks", *inputs, "-o", tmp_path / engine, "--engine", engine, "--quiet")
        assert done.returncode == 1 and "broken.png" in done.stderr
    assert (tmp_path / "local").read_bytes() == (tmp_path / "ray").read_bytes()


def test_standard_input_cannot_be_spread() -> None:
    with pytest.raises(UsageError, match="standard input"):
        next(process([Source(None, "-", "stdin")], lambda: None, lambda *_: Seen([]), lambda *_: None))
