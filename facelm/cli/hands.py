"""The options that ask for hands, and what finds them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from facelm.cli.run import Run

HandsOption = Annotated[
    bool, typer.Option("--hands", help="Also find hands, with 21 points each; what they cover of faces is not visible.")
]
NoFacesOption = Annotated[bool, typer.Option("--no-faces", help="With --hands: hands alone.")]


def check_hands(hands: bool, no_faces: bool) -> None:
    """End the command if it is to look for nothing."""
    if no_faces and not hands:
        raise typer.BadParameter("--no-faces is for --hands")


def open_hands(run: Run) -> None:
    """Look for hands in the pictures and clips of a run."""
    from facelm.hands.find import HandFinder
    from facelm.runs.batch import THREADS

    run.how = replace(run.how, hands=HandFinder(min(THREADS, len(run.sources))))
