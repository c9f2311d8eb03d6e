"""A run whose records all go to one file or stream, and which can go on with what an earlier run wrote there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from facelm.cli.options import refuse_overwriting
from facelm.cli.run import Finish, Run
from facelm.pictures import files, texts
from facelm.pictures.sources import Source
from facelm.results import formats
from facelm.results.journals import Journal, journal_of
from facelm.results.records import PictureRecord, plain_text
from facelm.runs import clips, places


class RecordsRun(Run):
    """The pictures of a command that makes a record of each; the arguments are those of `Run`."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.unfinished: files.ImageError | None = None
        self.journal: Path | None = None
        self._kept: Journal | None = None

    def go_on(self, path: Path, format: str, solid: bool, hands: bool = False) -> None:
        """Take what an earlier run wrote to one file for all pictures, or refuse to write over it.

        Of JSON lines those without an error are kept, in whatever order; any other format is whole or not there.
        """
        if format == "jsonl":
            self.journal = path
        else:
            self.unfinished = files.error_of(path, "stopped, so it is not written; --format jsonl can be gone on with")
        beside = [formats.hand_table(path)] if hands and format == "csv" else []
        try:
            places.check_distinct(self.all_sources, self.job.from_file, self.job.manifest, path, *beside)
            files.check_replaceable(path)
        except (OSError, texts.UsageError, files.ImageError) as error:
            raise typer.BadParameter(str(error)) from None
        existing = [each for each in (path, *beside) if files.exists(each)]
        there = path in existing
        if existing and not (self.job.overwrite or self.job.skip_existing):
            refuse_overwriting(existing[0])
        if not self.job.skip_existing:
            return
        if format == "jsonl":
            try:
                self.known = formats.load_jsonl(path, solid, hands)
            except files.ImageError as error:
                raise typer.BadParameter(str(error)) from None
            self.sources = [source for source in self.all_sources if plain_text(source.name) not in self.known]
        elif there:
            self.sources = []
        self.tally.skipped = len(self.all_sources) - len(self.sources)
        if there and not self.sources:
            with self._open_manifest():
                pass
            self.exit()

    def records(self, finish: Finish[PictureRecord], clip: clips.Finish[PictureRecord]) -> Iterator[PictureRecord]:
        """A record of each picture and frame, those of an earlier run among them, in the order of the pictures.

        Records of pictures that this run is not about come first.

        Raises:
            facelm.ImageError: The run was stopped, and what it writes is to be whole.
        """
        names = {plain_text(source.name) for source in self.all_sources}
        yield from (record for name, known in self.known.items() if name not in names for record in known)
        rest = iter(self.all_sources)
        current: Source | None = None
        for outcome in self.outcomes(finish, clip):
            while current != outcome.source:
                current = next(rest)
                yield from self._known(current) if current != outcome.source else ()
            told = [] if outcome.result is None else [outcome.result]
            if outcome.error is not None:
                told.append(PictureRecord(outcome.source.name, error=outcome.error, stem=outcome.source.stem))
            for each in told:
                if self._kept is not None:
                    self._kept.append(formats.to_json(each))
                yield each
            if self._kept is not None and not outcome.part:
                self._kept.end()
        for source in rest:
            yield from self._known(source)
        if self.stopped() and self.unfinished is not None:
            raise self.unfinished

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """While records go to a file that can be gone on with: they are kept, should the run be killed."""
        if self.journal is None:
            yield
            return
        with journal_of(self.journal, self.job.skip_existing) as self._kept:
            yield

    def _known(self, source: Source) -> Sequence[PictureRecord]:
        return self.known.get(plain_text(source.name), ())
