"""The commands that show something: which class has which number."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer


def classes(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show which class each number in a mask stands for, and its colour; those from 19 on are of parse --regions."""
    from facelm.classes import CLASSES, REGIONS
    from facelm.cli import screen

    if as_json:
        print(json.dumps([asdict(each) for each in (*CLASSES, *REGIONS)]))
    else:
        screen.show_classes((*CLASSES, *REGIONS))
