"""A run of a command over pictures: what is to be done, how it is watched and stopped, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import typer
from numpy.typing import NDArray

from facelm.cli import screen
from facelm.cli.options import Engine, Job, check_model, load_parser, match_boxes
from facelm.cli.screen import Tally
from facelm.pictures import files, sources, texts
from facelm.pictures.boxes import Box
from facelm.pictures.sources import Source
from facelm.results import formats
from facelm.results.records import PictureRecord, plain_text
from facelm.runs import batch, cluster
from facelm.runs.batch import Outcome, Result

if TYPE_CHECKING:
    from types import FrameType

    from facelm.parsing.face import Face
    from facelm.parsing.parser import FaceParser

NOTHING_TO_DO = 3
Finish = Callable[[Source, NDArray[np.uint8], "list[Face]"], Result]


class Run:
    """The pictures of a command, and what becomes of them.

    Args:
        job: The options.
        out: Folder of the results, if each picture has files of its own.
        suffixes: Of the files that each picture must have when it is done.
        written: Other files and folders that the command writes; folders are not searched for pictures.

    Raises:
        typer.BadParameter: The options cannot be used together, or a result is there already.
        typer.Exit: There is nothing to do.
    """

    def __init__(self, job: Job, out: Path | None, suffixes: Sequence[str], written: Sequence[Path] = ()) -> None:
        self.job = job
        self.tally = Tally()
        self.stopped_by: int | None = None
        _on_signals(_end_at_once)
        self.unfinished: files.ImageError | None = None
        inputs = list(job.inputs or ())
        if job.skip_existing and job.overwrite:
            raise typer.BadParameter("--skip-existing and --overwrite exclude each other")
        if job.manifest and job.manifest.exists() and not (job.skip_existing or job.overwrite):
            refuse_overwriting(job.manifest)
        try:
            if job.from_file:
                inputs += texts.read_list(job.from_file)
            elif not inputs:
                raise typer.BadParameter("give at least one INPUT, or --from-file")
            found = sources.find(inputs, [path for path in (out, *written) if path])
            sources.check_outputs(found, suffixes)
            self.boxes = match_boxes(job, [source.name for source in found]) if job.box else None
        except (texts.UsageError, files.ImageError) as error:
            raise typer.BadParameter(str(error)) from None
        self.sources = self.all_sources = found
        self.known: dict[str, PictureRecord] = {}
        if not found:
            screen.warn(f"nothing to do: no picture in {', '.join(inputs)}")
            raise typer.Exit(NOTHING_TO_DO)
        self._remove_leftovers((root / source.stem).parent for root in (out, *written) if root for source in found)
        if job.manifest:
            self._remove_leftovers([job.manifest.parent])
        if out is not None and suffixes:
            self._leave_out_finished(out, suffixes)

    def _leave_out_finished(self, out: Path, suffixes: Sequence[str]) -> None:
        """Skip the pictures whose files are there, or refuse to write over them."""
        if self.job.overwrite:
            return
        there = [
            [path for suffix in suffixes if (path := out / f"{source.stem}{suffix}").exists()]
            for source in self.sources
        ]
        if self.job.skip_existing:
            kept = [len(paths) == len(suffixes) for paths in there]
            self.tally.skipped = sum(kept)
            self.sources = [source for source, keep in zip(self.sources, kept, strict=True) if not keep]
        elif any(there):
            refuse_overwriting(next(paths[0] for paths in there if paths), sum(map(bool, there)) - 1)

    def _remove_leftovers(self, folders: Iterable[Path]) -> None:
        """Remove what killed runs left unfinished in folders that this run writes to again."""
        if self.job.overwrite or self.job.skip_existing:
            for folder in set(folders):
                files.remove_leftovers(folder)

    def keep_apart(self, folder: Path) -> None:
        """Refuse a folder for crops that holds pictures of the run, or crops of an earlier one."""
        inputs = {os.path.realpath(source.path.parent) for source in self.sources if source.path}
        for source in self.sources:
            first = folder / f"{source.stem}.1.crop.png"
            if os.path.realpath(first.parent) in inputs:
                raise typer.BadParameter(f"--crops {folder}: there are pictures to parse; give crops another folder")
            if first.exists() and not (self.job.overwrite or self.job.skip_existing):
                refuse_overwriting(first)

    def go_on(self, path: Path, format: str, solid: bool) -> None:
        """Take what an earlier run wrote to one file for all pictures, or refuse to write over it.

        Of JSON lines those without an error are kept, in whatever order; any other format is whole or not there.
        """
        if format != "jsonl":
            self.unfinished = files.error_of(path, "stopped, so it is not written; --format jsonl can be gone on with")
        if path.exists() and not path.is_file():
            raise typer.BadParameter(f"{path}: cannot be written (a folder or device has this name)")
        self._remove_leftovers([path.parent])
        if not path.exists() or self.job.overwrite:
            return
        if not self.job.skip_existing:
            refuse_overwriting(path)
        if format == "jsonl":
            try:
                self.known = formats.load_jsonl(path, solid)
            except files.ImageError as error:
                raise typer.BadParameter(str(error)) from None
        self.sources = [
            source for source in self.all_sources if format == "jsonl" and plain_text(source.name) not in self.known
        ]
        self.tally.skipped = len(self.all_sources) - len(self.sources)
        if not self.sources:
            with ExitStack() as stack:
                self._open_manifest(stack)
            self.exit()

    def _process(self, finish: Finish[Result]) -> Iterator[Outcome[Result]]:
        """Process the pictures with the engine that the options ask for."""
        job = self.job
        if not self.sources:
            return iter(())
        make = partial(load_parser, job.model, job.device, job.batch, job.flip, job.min_face, min_score=job.min_score)
        look = partial(_see, self.boxes)

        def stopped() -> bool:
            return self.stopped_by is not None

        if job.engine is Engine.ray:
            check_model(job.model)
            _on_signals(self._stop)
            return cluster.process(self.sources, make, look, finish, stopped)
        threads = min(batch.THREADS, len(self.sources))
        see = partial(look, make(threads=threads))
        _on_signals(self._stop)
        return batch.process(self.sources, see, finish, stopped, threads)

    def outcomes(self, finish: Finish[Result]) -> Iterator[Outcome[Result]]:
        """Process the pictures; failures are named, counted, and passed on like the rest."""
        with ExitStack() as stack:
            manifest = self._open_manifest(stack)
            progress = stack.enter_context(screen.picture_progress(self.job.quiet))
            bar = progress.add_task("pictures", total=len(self.sources))
            for outcome in self._process(finish):
                if outcome.error is not None:
                    screen.warn(outcome.error)
                self.tally.add(outcome)
                for stream in manifest:
                    print(json.dumps(_line(outcome)), file=stream, flush=True)
                progress.advance(bar)
                yield outcome

    def records(self, finish: Finish[PictureRecord]) -> Iterator[PictureRecord]:
        """A record of each picture, those of an earlier run among them, in the order of the pictures.

        Records of pictures that this run is not about come first.

        Raises:
            facelm.ImageError: The run was stopped, and what it writes is to be whole.
        """
        names = {plain_text(source.name) for source in self.all_sources}
        yield from (record for name, record in self.known.items() if name not in names)
        rest = iter(self.all_sources)
        for outcome in self.outcomes(finish):
            for source in rest:
                if source == outcome.source:
                    break
                yield from self._known(source)
            failure = PictureRecord(outcome.source.name, error=outcome.error, stem=outcome.source.stem)
            yield outcome.result or failure
        for source in rest:
            yield from self._known(source)
        if self.stopped_by is not None and self.unfinished is not None:
            raise self.unfinished

    def _known(self, source: Source) -> Iterator[PictureRecord]:
        if (known := self.known.get(plain_text(source.name))) is not None:
            yield known

    def finish(self, finish: Finish[object]) -> None:
        """Process all pictures, for what ``finish`` writes; then end the command."""
        try:
            for _ in self.outcomes(finish):
                pass
        except texts.UsageError as error:
            raise typer.BadParameter(str(error)) from None
        except files.ImageError as error:
            screen.warn(str(error))
            self.tally.failed += 1
        self.exit()

    def exit(self) -> None:
        """Say what was done, and end the command with the status that tells how it went."""
        if not self.job.quiet:
            screen.show_tally(self.tally)
        if self.stopped_by is not None:
            raise typer.Exit(128 + self.stopped_by)
        raise typer.Exit(1 if self.tally.failed else 0)

    def _open_manifest(self, stack: ExitStack) -> list[TextIO]:
        streams = [sys.stdout] if self.job.as_json else []
        if self.job.manifest is not None:
            temporary = stack.enter_context(files.atomic_path(self.job.manifest))
            if self.job.skip_existing and self.job.manifest.is_file():
                temporary.write_bytes(self.job.manifest.read_bytes())
            streams.append(stack.enter_context(temporary.open("a", encoding="utf-8")))
        return streams

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        """The pictures in hand are finished; a second signal ends the program at once."""
        self.stopped_by = signum
        signal.signal(signum, signal.SIG_DFL)


def _on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, handler)


def _end_at_once(signum: int, frame: FrameType | None) -> None:
    """Before the first picture there is nothing to finish, and reading a list may take forever."""
    raise SystemExit(128 + signum)


def _see(
    boxes: Mapping[str, Sequence[Box]] | None, parser: FaceParser, source: Source, rgb: NDArray[np.uint8]
) -> list[Face]:
    """The faces of a picture: those that the parser finds, or those in the boxes of another detector."""
    return parser.parse(rgb) if boxes is None else parser.parse_boxes(rgb, boxes[source.name])


def refuse_overwriting(path: Path, more: int = 0) -> None:
    """End the command: a result is there already.

    Raises:
        typer.BadParameter: Always.
    """
    others = f" (and {more} more)" if more else ""
    raise typer.BadParameter(
        f"{path}{others} exists already: --overwrite writes it anew, --skip-existing does only what is missing"
    )


def _line(outcome: Outcome[Any]) -> dict[str, object]:
    """A line of the manifest: image, and faces and seconds, or why it failed."""
    line: dict[str, object] = {"image": plain_text(outcome.source.name)}
    if outcome.error is not None:
        return line | {"error": plain_text(outcome.error)}
    return line | {"faces": outcome.faces, "seconds": round(outcome.seconds, 4)}
