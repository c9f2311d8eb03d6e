"""Little room: few threads, little memory, few open files, full disks; and signals while a library waits."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from common import ROOT

from facelm.pictures.files import ImageError, atomic_path
from facelm.results.journals import journal_of

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
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert "too few threads" in one_line(done)


@pytest.mark.parametrize("limit", ["ulimit -v 600000", "ulimit -v 1000000"])
def test_where_there_is_little_memory_it_says_so(limit: str, tmp_path: Path) -> None:
    command = f'{limit}; exec "$0" -m facelm parse sample_images/person.jpg -o "$1" --quiet'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
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
        assert running.wait(60) == 128 + number


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (disk / "a.bin").write_bytes(b"old")
        with (
            pytest.raises(ImageError, match=r"a\.bin: cannot be written \(No space left"),
            atomic_path(disk / "a.bin") as path,
        ):
            path.write_bytes(bytes(1 << 20))
        with pytest.raises(ImageError, match="No space left"), journal_of(disk / "run.jsonl", False) as journal:
            for _ in range(100):
                journal.append({"image": "x" * 1000})
        assert (disk / "a.bin").read_bytes() == b"old"
        assert not list(disk.glob(".facelm-*"))
    finally:
        subprocess.run(["umount", disk], check=True)
