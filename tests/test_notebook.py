"""The notebook of the Python interface does what it shows."""

from __future__ import annotations

import json
import subprocess
import sys

from common import ROOT

NOTEBOOK = json.loads((ROOT / "docs" / "python.ipynb").read_text("utf-8"))


def test_the_cells_run_one_after_the_other() -> None:
    cells = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5
    code = "import matplotlib\nmatplotlib.use('agg')\n" + "\n".join(cells) + "\nassert len(faces) == 5 and mask.any()\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5


def test_nothing_of_a_run_is_kept_in_it() -> None:
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in NOTEBOOK["cells"])
    assert (NOTEBOOK["nbformat"], len({cell["id"] for cell in NOTEBOOK["cells"]})) == (4, len(NOTEBOOK["cells"]))
