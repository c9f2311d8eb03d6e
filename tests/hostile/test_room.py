"""Little room: few threads, little memory, few open files, full disks; and signals while a library waits."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import write_clip
from commands import PATIENCE
from common import ROOT

from facelm.pictures.files import ImageError, atomic_path
from facelm.results.journals import journal_of

Run = Callable[..., Any]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")

FEW_THREADS = """if True:
    import sys, threading
    start, left = threading.Thread.start, [3]
    def limited(thread):
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("can't start new thread")
        start(thread)
    threading.Thread.start = limited
    sys.argv = ["facelm", "parse", "sample_images/person.jpg", "-o", sys.argv[1]]
    from facelm.cli.app import main
    main()
"""

WAITING = """if True:
    import ctypes
    from facelm.cli.signals import Stop
    Stop()
    print("waits", flush=True)
    library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    for _ in range(2):  # a lock that is taken twice waits for itself, whatever signal comes
        library.pthread_mutex_lock(mutex)
"""


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_where_no_threads_can_be_started_it_says_so_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FEW_THREADS, str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "too few threads" in one_line(done)


@pytest.mark.parametrize("limit", ["ulimit -v 600000", "ulimit -v 1000000"])
def test_where_there_is_little_memory_it_says_so(limit: str, tmp_path: Path) -> None:
    command = f'{limit}; exec "$0" -m facelm parse sample_images/person.jpg -o "$1" --quiet'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        one_line(done)
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_a_library_waits(number: int) -> None:
    program = [sys.executable, "-c", WAITING]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout and running.stdout.readline() == "waits\n"
        time.sleep(0.2)
        running.send_signal(number)
        assert running.wait(PATIENCE) == 128 + number


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_what_was_there(disk: Path) -> None:
    (disk / "a.bin").write_bytes(b"old")
    with (
        pytest.raises(ImageError, match=r"a\.bin: cannot be written \(No space left"),
        atomic_path(disk / "a.bin") as path,
    ):
        path.write_bytes(bytes(1 << 20))
    with pytest.raises(ImageError, match="No space left"), journal_of(disk / "run.jsonl", False) as journal:
        for _ in range(100):
            journal.append({"image": "x" * 1000})
            journal.end()
    assert (disk / "a.bin").read_bytes() == b"old"
    assert not list(disk.glob(".facelm-*"))


def test_a_full_disk_in_the_middle_of_a_picture_a_clip_or_a_training_is_told_in_one_line(
    facelm: Run, disk: Path, draw_data: Callable[..., Path], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 160, 160, 3), np.uint8)
    clip = write_clip(tmp_path / "clip.mp4", list(noise))
    sizes = ["--encoder", "mobilenet_v2", "--size", "32", "--batch", "2", "--epochs", "1", "--workers", "0"]
    for command, left in (
        (["overlay", "sample_images/person.jpg", "sample_images/group.jpg", "-q", "-o", disk], []),
        (["overlay", clip, "-q", "-o", disk], []),
        (["parse", clip, "--probabilities", "-q", "-o", disk], None),
        (["train", "--data", draw_data(4), *sizes, "--out", disk / "run"], ["config.json"]),
    ):
        done = facelm(*command)
        assert done.returncode == 1, done.stderr
        assert "cannot be written (No space left on device)" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        whole = [path.name for path in disk.rglob("*") if path.is_file()]
        assert whole == left or left is None
        assert not [name for name in whole if name.startswith(".facelm-")]
        for path in list(disk.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("count", [64, 20])
def test_few_open_files_are_enough(count: int, tmp_path: Path) -> None:
    command = f'ulimit -n {count}; exec "$0" -m facelm parse sample_images -o "$1" --quiet'
    subprocess.run(["bash", "-c", command, sys.executable, str(tmp_path)], cwd=ROOT, timeout=PATIENCE, check=True)
    assert len(list(tmp_path.glob("*.mask.png"))) == 3
