"""The manifest of a run: a line of JSON for each input, whatever became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from facelm.pictures import files
from facelm.pictures.files import error_of
from facelm.results.journals import Journal, journal_of, read_lines

Line = Mapping[str, Any]


class Manifest:
    """Writes the lines of a run in the order of its inputs.

    Args:
        file: Where to; None is nowhere.
        stream: Also gets what this run did.
        journal: Keeps the new ones, if there is one.
        earlier: What earlier runs told, by name of the input.
        order: Names of the inputs.
        skipped: Names of those that are done already, and what is known of them, such as how many faces they have.
        left_out: Lines about what is no input, which are written at once.
    """

    def __init__(
        self,
        file: TextIO | None,
        stream: TextIO | None,
        journal: Journal | None,
        earlier: Mapping[str, Line],
        order: Sequence[str],
        skipped: Mapping[str, Line],
        left_out: Sequence[Line],
    ) -> None:
        self._file, self._stream, self._journal = file, stream, journal
        self._earlier, self._skipped = earlier, skipped
        self._rest = iter(order)
        known = set(order)
        for name, line in earlier.items():
            if name not in known:
                _write(line, self._file)
        for line in left_out:
            _write(line, self._file)
            _write(line, self._stream)

    def add(self, line: Line) -> None:
        """Write what became of an input, after those that are skipped before it."""
        for name in self._rest:
            if name == line["image"]:
                break
            self._skip(name)
        _write(line, self._file)
        _write(line, self._stream)
        if self._journal:
            self._journal.append(line)
            self._journal.end()

    def finish(self) -> None:
        """Write those that are skipped after the last."""
        for name in self._rest:
            self._skip(name)

    def _skip(self, name: str) -> None:
        if name in self._skipped:
            _write({"image": name, **self._skipped[name], **self._earlier.get(name, {}), "skipped": True}, self._file)


def _write(line: Line, stream: TextIO | None) -> None:
    if stream is not None:
        stream.write(json.dumps(line) + "\n")
        stream.flush()


@contextmanager
def open_manifest(
    path: Path | None,
    stream: TextIO | None,
    resume: bool,
    order: Sequence[str],
    skipped: Mapping[str, Line],
    left_out: Sequence[Line] = (),
) -> Iterator[Manifest]:
    """The manifest of a run.

    Args:
        path: The file, if one is wanted; it is there when the with-block ends well.
        stream: Also gets what this run did.
        resume: Go on with what earlier runs left.
        order: Names of the inputs.
        skipped: See `Manifest`.
        left_out: See `Manifest`.

    Raises:
        facelm.ImageError: The file cannot be written, or what is to be gone on with is something else.
    """
    with ExitStack() as stack:
        journal, file = None, None
        earlier: dict[str, Line] = {}
        if path is not None:
            journal = stack.enter_context(journal_of(path, resume))
            if resume:
                earlier = _read_earlier(path)
            temporary = stack.enter_context(files.atomic_path(path))
            file = stack.enter_context(temporary.open("w", encoding="utf-8"))
        manifest = Manifest(file, stream, journal, earlier, order, skipped, left_out)
        yield manifest
        manifest.finish()


def _read_earlier(path: Path) -> dict[str, Line]:
    try:
        lines = read_lines(path)
        return {str(line["image"]): line for line in lines if not {"error", "left_out"} & line.keys()}
    except (OSError, ValueError, LookupError) as error:
        raise error_of(path, f"cannot be read as a manifest ({error})") from error
