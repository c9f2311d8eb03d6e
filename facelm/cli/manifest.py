"""The manifest of a command: what the options ask for, and what the run is about."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from facelm.cli.options import Job
from facelm.pictures.kinds import LEFT_OUT
from facelm.pictures.sources import Source
from facelm.results.records import PictureRecord, count, plain_text
from facelm.runs import manifests
from facelm.runs.manifests import Manifest


def open_manifest(
    job: Job,
    inputs: Sequence[Source],
    to_do: Sequence[Source],
    known: Mapping[str, Sequence[PictureRecord]],
    left_out: Sequence[Path],
) -> AbstractContextManager[Manifest]:
    """Where the lines go: the file that ``--manifest`` names, and standard output with ``--json``.

    Args:
        job: The options.
        inputs: All pictures and clips.
        to_do: Those that this run does; the others are done already.
        known: Records of those that are done, as far as they are known, by name.
        left_out: Files that look like pictures, of kinds that are not read; each gets a line at once.

    Raises:
        facelm.ImageError: See `facelm.runs.manifests.open_manifest`.
    """
    doing = set(to_do)
    names = {source: plain_text(source.name) for source in inputs}
    done = [name for source, name in names.items() if source not in doing]
    skipped = {name: count(known[name]) if name in known else {} for name in done}
    lines = [{"image": plain_text(path.as_posix()), "left_out": LEFT_OUT[path.suffix.lower()]} for path in left_out]
    stream = sys.stdout if job.as_json else None
    return manifests.open_manifest(job.manifest, stream, job.skip_existing, list(names.values()), skipped, lines)
