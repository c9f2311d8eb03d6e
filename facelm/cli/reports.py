"""The commands that show something: a page of results, and which class has which number."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facelm.cli.hands import HandsOption, open_hands
from facelm.cli.options import (
    SOME_FAILED,
    WRONG_USAGE,
    ClassesOption,
    Job,
    parser_maker,
    refuse_overwriting,
    takes_job,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facelm.pictures.sources import Source
    from facelm.results.page import Tile
    from facelm.runs.batch import Seen
    from facelm.video.watching import SeenFrame

_LABELS = ("masks", "landmarks68.json", "faces.json", "CelebAMask-HQ-mask-anno")
_NOT_LABELLED = ("box", "every", "no_smooth", "faces", "max_pixels", "manifest", "as_json", "engine")


@takes_job
def report(
    job: Job,
    out: Annotated[Path, typer.Option("--out", "-o", help="The page.")] = Path("report.html"),
    by: Annotated[
        str | None, typer.Option(help="Of a labelled folder: a column of a CSV file in it to break the scores down by.")
    ] = None,
    class_order: ClassesOption = None,
    hands: HandsOption = False,
) -> None:
    """Write a page to look at: photos with masks and landmarks in one HTML file, to be sorted and filtered.

    Of a folder with known answers, as for facelm evaluate, the worst come first.
    """
    from facelm.cli import screen
    from facelm.cli.run import Run
    from facelm.pictures import files

    folder = Path(job.inputs[0]) if job.inputs and len(job.inputs) == 1 and not job.from_file else None
    if files.exists(out) and job.skip_existing:
        raise typer.Exit()
    if files.exists(out) and not job.overwrite:
        refuse_overwriting(out)
    try:
        if folder and any(files.exists(folder / name) for name in _LABELS):
            failed = _report_labelled(job, folder, out, by, class_order, hands)
            print(out)
            raise typer.Exit(SOME_FAILED if failed else 0)
        if by or class_order:
            raise typer.BadParameter("--by and --classes are for one folder with known answers")
        run = Run(job, None, [])
        from facelm.landmarks import learned
        from facelm.results.faces import describe_faces, record_faces
        from facelm.results.hands import describe_hands
        from facelm.results.page import Tile, draw_tile, write_page
        from facelm.runs.places import into_records

        learned.prepare()
        if hands:
            open_hands(run)

        def draw(source: Source, rgb: NDArray[np.uint8], seen: Seen) -> Tile:
            height, width = rgb.shape[:2]
            records = record_faces(seen.faces, height, width, hands=seen.hands or ())
            found = None if seen.hands is None else describe_hands(seen.hands, height, width)
            return draw_tile(source.name, rgb, seen.faces, records, hands=found)

        def draw_frame(clip: Source, seen: SeenFrame) -> Tile:
            rgb, bare = seen.frame.rgb, seen.bare_hands
            height, width = rgb.shape[:2]
            records = describe_faces(seen.parsed, seen.landmarks, height, width, hands=bare)
            found = describe_hands(bare, height, width) if hands else None
            return draw_tile(f"{clip.name} {seen.frame.number}", rgb, seen.parsed, records, hands=found)

        tiles = []
        for outcome in run.outcomes(draw, into_records(draw_frame)):
            if outcome.result is not None:
                tiles.append(outcome.result)
            elif outcome.error is not None:
                tiles.append(Tile(outcome.source.name, outcome.error))
        write_page(out, ", ".join(job.inputs or ()) or "facelm", tiles)
    except files.ImageError as error:
        screen.warn(str(error))
        raise typer.Exit(SOME_FAILED) from None
    if not job.as_json:
        print(out)
    run.exit()


def _report_labelled(job: Job, folder: Path, out: Path, by: str | None, order: str | None, hands: bool) -> bool:
    """Write the page of a folder with known answers; whether a picture failed."""
    usual = Job()
    for name in _NOT_LABELLED:
        if (getattr(job, name) or None) != (getattr(usual, name) or None):
            option = name.removeprefix("as_").replace("_", "-")
            raise typer.BadParameter(f"--{option} is not for a folder with known answers: {folder}")
    from facelm.cli import screen
    from facelm.measuring.evaluate import prepare
    from facelm.measuring.pages import write_labelled_page
    from facelm.training.data import DataError

    try:
        task = prepare(folder, by, order)
    except DataError as error:
        screen.warn(str(error))
        raise typer.Exit(WRONG_USAGE) from None
    parser, find_hands = parser_maker(job)(), None
    if hands:
        from facelm.hands.find import HandFinder

        find_hands = partial(HandFinder().find, min_score=job.min_score)
    with screen.picture_progress(job.quiet) as progress:
        bar = progress.add_task("pictures", total=None)
        found = write_labelled_page(
            out,
            str(folder),
            parser,
            task,
            find_hands=find_hands,
            on_progress=lambda done, all_: progress.update(bar, completed=done, total=all_),
        )
    for line in found.failed:
        screen.warn(line)
    return bool(found.failed)


def classes(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show which class each number in a mask stands for, and its colour; from 19 on of parse --regions and --hands."""
    from facelm.classes import CLASSES, HAND, REGIONS
    from facelm.cli import screen

    if as_json:
        print(json.dumps([asdict(each) for each in (*CLASSES, *REGIONS, HAND)]))
    else:
        screen.show_classes((*CLASSES, *REGIONS, HAND))
