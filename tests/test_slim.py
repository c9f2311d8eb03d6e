"""The slim install: what requirements/inference.txt names, and nothing else, in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from common import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAMED = [
    line for line in (ROOT / "requirements" / "inference.txt").read_text().splitlines() if not line.startswith("#")
]
SAMPLE = str(ROOT / "sample_images" / "person.jpg")


def needed(names: list[str]) -> set[str]:
    """Distributions and what they need themselves, without extras."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found.add(name)
            wanted = map(Requirement, distribution(name).requires or ())
            waiting += [each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def slim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to the packages of the slim install."""
    folder = tmp_path_factory.mktemp("slim")
    for name in needed([Requirement(line).name for line in NAMED]):
        for file in distribution(name).files or ():
            link = folder / file.parts[0]
            if file.parts[0] not in ("..", "__pycache__") and not link.exists():
                link.symlink_to(Path(str(distribution(name).locate_file(file.parts[0]))))
    return folder


def run(slim: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run facelm with nothing but the slim packages, from a home that cannot be written to."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(slim), str(ROOT)]), "HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent",
    }  # fmt: skip
    command = [sys.executable, "-S", "-m", "facelm", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_floors_are_those_of_the_full_install() -> None:
    section = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    assert section and NAMED and not set(NAMED) - set(re.findall(r"\"(.*?)\"", section[1]))


def test_masks_landmarks_overlays_and_pages_need_no_more(slim: Path, tmp_path: Path) -> None:
    assert not (slim / "torch").exists() and not (slim / "matplotlib").exists()
    for command in ("parse", "overlay"):
        done = run(slim, command, SAMPLE, "-o", tmp_path)
        assert done.returncode == 0, done.stderr
    assert run(slim, "landmarks", SAMPLE, "-o", tmp_path / "a.jsonl").returncode == 0
    assert run(slim, "report", SAMPLE, "-o", tmp_path / "page.html").returncode == 0
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["a.jsonl", "page.html", "person.mask.png", "person.overlay.jpg"]
    assert (tmp_path / "a.jsonl").read_text().count('"covered"') == 1


@pytest.mark.parametrize("command", [("train", "--data", "DIR"), ("export", "lite", "-o", "lite.onnx")])
def test_what_needs_more_says_so_in_a_line(slim: Path, command: tuple[str, ...]) -> None:
    done = run(slim, *command)
    assert done.returncode == 1
    assert re.fullmatch(r"this needs (torch|onnx), which a slim install leaves out: pip install \. .*\n", done.stderr)


def test_the_container_has_the_same_and_no_root() -> None:
    text = (ROOT / "Containerfile").read_text()
    assert "requirements/inference.txt" in text and "--no-deps" in text
    assert re.search(r"^USER (?!root|0)", text, re.MULTILINE)
