from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable

from common import ROOT

from facelm import classes

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_classes_are_shown_with_their_numbers(facelm: Run) -> None:
    shown = facelm("classes").stdout
    known = (*classes.CLASSES, *classes.REGIONS)
    for each in known:
        assert re.search(rf"\b{each.index} \W+ {each.name} \W+ {re.escape(each.meaning)}", shown)
    listed = json.loads(facelm("classes", "--json").stdout)
    assert [(each["index"], each["name"]) for each in listed] == [(each.index, each.name) for each in known]


def test_the_readme_has_the_same_table() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+?) \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert rows == [(str(each.index), each.name, each.meaning) for each in classes.CLASSES]
