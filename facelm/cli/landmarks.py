"""The command that writes landmarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facelm.cli.hands import HandsOption, NoFacesOption, check_hands, open_hands
from facelm.cli.options import Format, Jaw, JawOption, Job, takes_job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facelm.pictures.sources import Source
    from facelm.results.records import PictureRecord
    from facelm.runs.batch import Seen
    from facelm.video.watching import SeenFrame


@takes_job
def landmarks(
    job: Job,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write; a folder for pts and yolo. Default, or -: standard output."),
    ] = None,
    format: Annotated[
        Format, typer.Option(help="How to write them; pts is a file for each face, yolo for each picture.")
    ] = Format.jsonl,
    solid: Annotated[bool, typer.Option("--3d", help="Also give the points in 3-D: x, y, z in pixels.")] = False,
    min_confidence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="A point below it counts as not visible.")
    ] = 0.0,
    jaw: JawOption = Jaw.outline,
    hands: HandsOption = False,
    no_faces: NoFacesOption = False,
    polygons: Annotated[
        bool,
        typer.Option("--polygons", help="COCO: regions as polygons, not run lengths. YOLO: regions instead of points."),
    ] = False,
    root: Annotated[
        Path | None,
        typer.Option(help="COCO: folder that file names are relative to. Default: the one that all inputs lie in."),
    ] = None,
) -> None:
    """Write the 68 landmarks of every face, with confidence, visibility and head pose: a line of JSON a picture."""
    from facelm.cli import screen
    from facelm.cli.records import RecordsRun
    from facelm.pictures import files
    from facelm.pictures.texts import UsageError
    from facelm.results import formats
    from facelm.runs.clips import Following

    kind = format.value
    out = None if out == Path("-") else out
    if out is None and kind not in formats.TEXT_FORMATS:
        raise typer.BadParameter(f"--format {kind} does not go to standard output: say where with -o")
    if out is None and sys.stdout is None:
        raise typer.BadParameter("standard output is closed: say where the landmarks go with -o")
    if out is None and job.as_json:
        raise typer.BadParameter("--json: the landmarks go to standard output already; say where to with -o")
    if solid and kind not in formats.SOLID_FORMATS:
        raise typer.BadParameter(f"--3d: --format {kind} holds two dimensions")
    if polygons and kind not in formats.REGION_FORMATS:
        raise typer.BadParameter(f"--polygons: --format {kind} holds no regions")
    if root and kind != "coco":
        raise typer.BadParameter("--root is for --format coco")
    if hands and kind not in formats.HAND_FORMATS:
        raise typer.BadParameter(f"--hands: --format {kind} holds faces alone")
    if hands and kind == "csv" and out is None:
        raise typer.BadParameter("--hands: CSV has a table of its own for them: say where the tables go with -o")
    check_hands(hands, no_faces)
    in_folder = kind in formats.FOLDER_FORMATS
    suffixes = [formats.FOLDER_FORMATS[kind]] if in_folder else []
    how = Following(masks=polygons or kind == "coco", jaw=jaw.value, faces=not no_faces)
    run = RecordsRun(job, out if in_folder else None, suffixes, how=how)
    if out is not None and not in_folder:
        run.go_on(out, kind, solid, hands)
    from facelm.landmarks import learned
    from facelm.results.coco import encode_polygons, encode_region
    from facelm.results.faces import describe_faces, record_faces
    from facelm.results.hands import describe_hands
    from facelm.results.pts import write_pts
    from facelm.results.records import PictureRecord
    from facelm.results.yolo import write_yolo
    from facelm.runs.places import into_folder, into_records

    if not no_faces:
        learned.prepare()
    if hands:
        open_hands(run)
    encode = encode_polygons if polygons else encode_region if kind == "coco" else None

    def record(source: Source, rgb: NDArray[np.uint8], seen: Seen) -> PictureRecord:
        height, width = rgb.shape[:2]
        bare = seen.hands or ()
        found = record_faces(seen.faces, height, width, encode, solid, min_confidence, jaw.value, bare)
        of_hands = describe_hands(bare, height, width, encode, solid, min_confidence) if hands else None
        return PictureRecord(source.name, width, height, found, stem=source.stem, hands=of_hands)

    def record_frame(clip: Source, seen: SeenFrame) -> PictureRecord:
        height, width = seen.frame.rgb.shape[:2]
        tracks = [each.track for each in seen.faces]
        bare = seen.bare_hands
        found = describe_faces(seen.parsed, seen.landmarks, height, width, encode, solid, min_confidence, tracks, bare)
        numbers = [each.track for each in seen.hands]
        of_hands = describe_hands(bare, height, width, encode, solid, min_confidence, numbers) if hands else None
        stem, frame = seen.source(clip).stem, seen.frame
        return PictureRecord(clip.name, width, height, found, None, stem, frame.number, frame.timestamp, of_hands)

    def save(found: PictureRecord, clear: bool) -> None:
        if kind == "yolo":
            write_yolo(found, out or Path())
        else:
            write_pts(found, out or Path(), clear)

    def write(source: Source, rgb: NDArray[np.uint8], seen: Seen) -> None:
        save(record(source, rgb, seen), job.overwrite)

    def write_frame(clip: Source, seen: SeenFrame) -> None:
        save(record_frame(clip, seen), False)

    if in_folder:
        run.finish(write, into_folder(out or Path(), run.suffixes, run.stopped, write_frame))
    root = root or run.root
    try:
        if out is None:
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
            formats.dump(run.records(record, into_records(record_frame)), kind, sys.stdout, solid, root)
        else:
            with run.keeping():
                formats.save(run.records(record, into_records(record_frame)), kind, out, solid, root, hands)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None
    except files.ImageError as error:
        screen.warn(str(error))
        run.tally.failed += 1
    run.exit()
