"""Runs the command line: in forks of a process that has loaded the heavy libraries once for all, or side by side."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common import ROOT

_FORKS = "forkserver" in multiprocessing.get_all_start_methods()
_CONTEXT = multiprocessing.get_context("forkserver" if _FORKS else "spawn")
PATIENCE = 300
"""Seconds that whatever is waited for may take on the slowest and busiest of machines."""


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """What ``python -m facelm`` does with some arguments, started at the root of the checkout."""
    given = [str(argument) for argument in arguments]
    if _FORKS:
        _CONTEXT.set_forkserver_preload(["cv2", "skimage.measure", "facelm.training.train"])
    with TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("stdout", "stderr")]
        process = _CONTEXT.Process(target=_work, args=(given, dict(os.environ), streams))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(["facelm", *given], PATIENCE)
        output, errors = (stream.read_text("utf-8", "surrogateescape") for stream in streams)
    return subprocess.CompletedProcess(["facelm", *given], process.exitcode, output, errors)


@contextmanager
def started(*arguments: object, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on while the test looks at it, and no longer than the test.

    Args:
        arguments: What stands behind ``facelm``.
        options: Of `subprocess.Popen`; by default it runs at the root of the checkout, its errors in a pipe.
    """
    command = [sys.executable, "-m", "facelm", *map(str, arguments)]
    given = {"cwd": ROOT, "stderr": subprocess.PIPE, "text": True} | options
    with subprocess.Popen(command, **given) as running:
        try:
            yield running
        finally:
            running.kill()


def wait_until(happened: Callable[[], object], running: subprocess.Popen[str]) -> None:
    """Wait for something that a process does before it ends."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert running.poll() is None and time.monotonic() < end
        time.sleep(0.02)


def lines(text: str) -> list[dict[str, Any]]:
    """JSON lines, as commands write them."""
    return [json.loads(line) for line in text.splitlines()]


def _work(arguments: list[str], environment: dict[str, str], streams: list[Path]) -> None:
    multiprocessing.set_start_method(None, force=True)  # of workers: as it is in a process that nothing forked
    os.chdir(ROOT)
    os.environ.clear()  # that of the fork server is that of whichever test was the first to run a command
    os.environ.update(environment)
    for number, stream in enumerate(streams, 1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["facelm", *arguments]
    from facelm.cli.app import main

    main()
