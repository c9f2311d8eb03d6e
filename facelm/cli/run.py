"""A run of a command over pictures: what is to be done, how it is watched and stopped, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from facelm.cli import screen
from facelm.cli.manifest import open_manifest
from facelm.cli.options import (
    NOTHING_TO_DO,
    PICTURES_MODEL,
    SOME_FAILED,
    Engine,
    Job,
    check_model,
    match_boxes,
    parser_maker,
    refuse_overwriting,
)
from facelm.cli.screen import Tally
from facelm.cli.signals import Stop
from facelm.pictures import files, sources, texts
from facelm.pictures.choice import Choice
from facelm.pictures.motion import is_clip
from facelm.pictures.sources import Source
from facelm.results.records import PictureRecord
from facelm.runs import batch, clips, cluster, places
from facelm.runs.batch import Outcome, Result, Seen
from facelm.runs.manifests import Manifest

Finish = Callable[[Source, NDArray[np.uint8], Seen], Result]


class Run:
    """The pictures of a command, and what becomes of them.

    Args:
        job: The options.
        out: Folder of the results, if each picture has files of its own.
        suffixes: Of the files that each picture must have when it is done.
        written: Other files and folders that the command writes; folders are not searched for pictures.
        clip_suffix: Of the file that is written for each clip; empty for a folder.
        how: How clips are followed, as far as it is the command's; of pictures too whether faces and hands are wanted.
        weight: How many times as much memory as usual each picture needs.

    Raises:
        typer.BadParameter: The options cannot be used together, or a result is there already.
        typer.Exit: There is nothing to do.
    """

    def __init__(
        self,
        job: Job,
        out: Path | None,
        suffixes: Sequence[str],
        written: Sequence[Path] = (),
        clip_suffix: str = "",
        how: clips.Following | None = None,
        weight: float = 1.0,
    ) -> None:
        self.job = job
        self.tally = Tally()
        self.suffixes, self.clip_suffix, self.how = suffixes, clip_suffix, how or clips.Following()
        self.weight = weight
        self.stopped = Stop()
        self.left_out: list[Path] = []
        try:
            self.choice = Choice.read(job.faces)
        except ValueError as error:
            raise typer.BadParameter(f"--faces: {error}") from None
        inputs = list(job.inputs or ())
        if job.as_json and sys.stdout is None:
            raise typer.BadParameter("--json: standard output is closed")
        if job.skip_existing and job.overwrite:
            raise typer.BadParameter("--skip-existing and --overwrite exclude each other")
        if job.manifest and files.exists(job.manifest) and not (job.skip_existing or job.overwrite):
            refuse_overwriting(job.manifest)
        try:
            if job.from_file:
                inputs += texts.read_list(job.from_file)
            elif not inputs:
                raise typer.BadParameter("give at least one INPUT, or --from-file")
            self.root = sources.common_folder(inputs)
            found = sources.find(
                inputs, [path for path in (out, *written) if path], clips=True, left_out=self.left_out.append
            )
            found = [replace(source, max_pixels=job.max_pixels) for source in found]
            self.clips = {source for source in found if is_clip(source.path)}
            if self.clips and (job.box or job.engine is Engine.ray):
                name = next(source.name for source in found if source in self.clips)
                raise typer.BadParameter(f"{'--box' if job.box else '--engine ray'} is for pictures; {name} is a video")
            for moving, written_of in ((False, suffixes), (True, [clip_suffix] if suffixes else [])):
                sources.check_outputs([source for source in found if (source in self.clips) is moving], written_of)
            places.check_distinct(found, job.from_file, job.manifest)
            self.boxes = match_boxes(job, [source.name for source in found]) if job.box else None
        except (texts.UsageError, files.ImageError) as error:
            raise typer.BadParameter(str(error)) from None
        self.sources = self.all_sources = found
        self.known: dict[str, list[PictureRecord]] = {}
        if not found:
            screen.show_left_out(self.left_out)
            screen.warn(f"nothing to do: no picture in {', '.join(inputs)}")
            raise typer.Exit(NOTHING_TO_DO)
        if not job.quiet:
            screen.show_left_out(self.left_out)
        if out is not None and suffixes:
            self._leave_out_finished(out, suffixes)

    def _leave_out_finished(self, out: Path, suffixes: Sequence[str]) -> None:
        """Skip the pictures whose files are there, or refuse to write over them."""
        if self.job.overwrite:
            return
        wanted = [
            [out / f"{source.stem}{suffix}" for suffix in ([self.clip_suffix] if source in self.clips else suffixes)]
            for source in self.sources
        ]
        there = [[path for path in paths if files.exists(path)] for paths in wanted]
        if self.job.skip_existing:
            kept = [
                places.are_whole(paths, folder=source in self.clips and not self.clip_suffix)
                for source, paths in zip(self.sources, wanted, strict=True)
            ]
            self.tally.skipped = sum(kept)
            self.sources = [source for source, keep in zip(self.sources, kept, strict=True) if not keep]
        elif any(there):
            refuse_overwriting(next(paths[0] for paths in there if paths), sum(map(bool, there)) - 1)

    def _process(
        self, finish: Finish[Result], clip: clips.Finish[Result], begun: Callable[[int | None], None]
    ) -> Iterator[Outcome[Result]]:
        """Process pictures with the engine that the options ask for, and clips one by one, in their order."""
        job = self.job
        make = parser_maker(job) if self.how.faces else batch.no_parser
        look = partial(batch.look, self.boxes, self.choice, self.how.hands, job.min_score)
        if job.engine is Engine.ray:
            check_model(job.model or PICTURES_MODEL)
            self.stopped.wait()
            yield from cluster.process(self.sources, make, look, finish, self.stopped, self.weight)
            return
        pictures = [source for source in self.sources if source not in self.clips]
        threads = min(batch.THREADS, len(pictures))
        see = partial(look, make(threads=threads)) if pictures else None
        parser = parser_maker(job, moving=True)() if len(pictures) < len(self.sources) and self.how.faces else None
        self.stopped.wait()
        how = replace(self.how, every=job.every, smooth=not job.no_smooth, choice=self.choice, min_score=job.min_score)
        for moving, some in groupby(self.sources, self.clips.__contains__):
            group = list(some)
            if see is not None and not moving:
                yield from batch.process(group, see, finish, self.stopped, threads, self.weight)
            else:
                for source in group:
                    if not self.stopped():
                        yield from clips.process(source, parser, how, clip, self.stopped, begun, self.weight)

    def outcomes(self, finish: Finish[Result], clip: clips.Finish[Result]) -> Iterator[Outcome[Result]]:
        """Process pictures and clips; failures are named, counted, and passed on like the rest."""
        with ExitStack() as stack:
            manifest = stack.enter_context(self._open_manifest())
            progress = stack.enter_context(screen.picture_progress(self.job.quiet))
            bar = progress.add_task("pictures", total=len(self.sources))
            frames = progress.add_task("frames", visible=False)

            def begun(count: int | None) -> None:
                progress.reset(frames, total=count, visible=True)

            for outcome in self._process(finish, clip, begun):
                if outcome.part:
                    progress.advance(frames)
                    yield outcome
                    continue
                if outcome.error is not None:
                    screen.warn(outcome.error)
                self.tally.add(outcome)
                manifest.add(outcome.line())
                progress.advance(bar)
                yield outcome

    def finish(self, finish: Finish[object], clip: clips.Finish[object]) -> None:
        """Process all pictures and clips, for what is written of them; then end the command."""
        try:
            for _ in self.outcomes(finish, clip):
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
        if self.stopped.by is not None:
            raise typer.Exit(128 + self.stopped.by)
        raise typer.Exit(SOME_FAILED if self.tally.failed else 0)

    def _open_manifest(self) -> AbstractContextManager[Manifest]:
        return open_manifest(self.job, self.all_sources, self.sources, self.known, self.left_out)
