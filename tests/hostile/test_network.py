"""Nothing asks the network: every way into the package, with sockets refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from common import ROOT

GUARD = """if True:
    import sys
    def refuse(event, arguments):
        if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
            open(sys.argv[1], "a").write(event + "\\n")
            raise OSError("there is no network")
    sys.addaudithook(refuse)
"""

EXAMPLE = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)[0]

WAYS = {
    "the example of the README": EXAMPLE,
    "training": "import facelm.training.train, facelm.measuring.evaluate; print('imported')",
    "the command line": "from facelm.cli.app import app; app(['landmarks', 'sample_images/person.jpg'])",
}


@pytest.mark.parametrize("way", WAYS)
def test_no_connection_is_tried(way: str, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NO_ALBU", "HF_"))}
    done = subprocess.run(
        [sys.executable, "-c", GUARD + WAYS[way], str(asked)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout and not asked.exists()


def test_a_converter_that_is_wanted_later_can_be_had() -> None:
    program = "import facelm.engines.openvino, openvino.tools.ovc; print(openvino.tools.ovc.convert_model.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", GUARD + program, os.devnull], capture_output=True, text=True, check=True
    )
    assert done.stdout == "convert_model\n"
