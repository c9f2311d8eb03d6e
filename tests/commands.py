"""Runs the command line in processes of its own: forks of one that has loaded the heavy libraries once for all."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from common import ROOT

_FORKS = "forkserver" in multiprocessing.get_all_start_methods()
_CONTEXT = multiprocessing.get_context("forkserver" if _FORKS else "spawn")
_TIMEOUT = 300


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """What ``python -m facelm`` does with some arguments, started at the root of the checkout."""
    given = [str(argument) for argument in arguments]
    if _FORKS:
        _CONTEXT.set_forkserver_preload(["cv2", "skimage.measure", "facelm.training.train"])
    with TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("stdout", "stderr")]
        process = _CONTEXT.Process(target=_work, args=(given, dict(os.environ), streams))
        process.start()
        process.join(_TIMEOUT)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(["facelm", *given], _TIMEOUT)
        output, errors = (stream.read_text("utf-8", "surrogateescape") for stream in streams)
    return subprocess.CompletedProcess(["facelm", *given], process.exitcode, output, errors)


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
