"""The commands that show something: which class has which number."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer


def classes(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show which class each number in a mask stands for, and its colour in palettes and overlays."""
    from facelm.classes import CLASSES
    from facelm.cli import screen

    if as_json:
        print(json.dumps([asdict(each) for each in CLASSES]))
    else:
        screen.show_classes(CLASSES)
