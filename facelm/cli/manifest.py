"""The manifest of a run: what became of each picture, as lines of JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from facelm.cli.options import Job
from facelm.pictures import files
from facelm.pictures.kinds import LEFT_OUT
from facelm.results.records import plain_text


class Manifest:
    """Where the lines go: the file that ``--manifest`` names, and standard output with ``--json``.

    Args:
        job: The options.
        left_out: Files that look like pictures, of kinds that are not read; each gets a line at once.
        stack: Closes the file, which is whole or not there.
    """

    def __init__(self, job: Job, left_out: Sequence[Path], stack: ExitStack) -> None:
        self._streams: list[TextIO] = [sys.stdout] if job.as_json else []
        if job.manifest is not None:
            temporary = stack.enter_context(files.atomic_path(job.manifest))
            if job.skip_existing and job.manifest.is_file():
                temporary.write_bytes(job.manifest.read_bytes())
            self._streams.append(stack.enter_context(temporary.open("a", encoding="utf-8")))
        for path in left_out:
            self.write({"image": plain_text(path.as_posix()), "left_out": LEFT_OUT[path.suffix.lower()]})

    def write(self, line: dict[str, object]) -> None:
        """Write a line."""
        for stream in self._streams:
            print(json.dumps(line), file=stream, flush=True)
