"""What README.md and the pages of docs/ promise: options that exist, and examples that do what they show."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from clips import portrait, write_clip
from common import ROOT
from typer.main import get_command

from facelm.cli.app import app

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ("masks", "results", "faces", "folders", "hands", "training", "measuring")
GUIDE = "\n".join([README, *((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") for page in PAGES)])
"""The README, and the pages that it leads to."""

GROUP = get_command(app)
COMMANDS = GROUP.commands  # type: ignore[attr-defined]

OPTION = re.compile(r"(?<![\w-])(?:--[a-z0-9][a-z0-9-]*|-[a-z])(?![\w-])")
FOREIGN = {"--index-url": "pip", "--no-deps": "pip", "-r": "pip", "--nproc-per-node": "torchrun"}
"""Options of other programs that are named."""

SMALLEST = {"train": "--epochs 1 --size 32 --batch 2 --workers 0"}
"""What an example is told besides, so that it ends in seconds: training takes 60 epochs of 256 pixels otherwise."""

ONLY_PARSED = {"bench"}
"""Commands whose examples are not run, only their options understood: `facelm bench` goes through a picture 90 times,
no option makes it less, and tests/measuring/test_bench.py runs it with the same arguments on a smaller picture."""


class Example(NamedTuple):
    """A command of a ``console`` block, and what it is said to print."""

    command: str
    comment: str
    output: str


def find_blocks(text: str) -> list[list[Example]]:
    """The examples of each ``console`` block."""
    blocks = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        found = re.findall(r"^\$ (.*?)(?:\s+# (.*))?\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
        blocks.append([Example(*each) for each in found])
    return blocks


def find_inline(text: str) -> list[list[str]]:
    """The words after `facelm` of each command in the running text."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    found = (re.search(r"(?:^|\s)facelm\s+(\w.*)", span, re.DOTALL) for span in re.findall(r"`([^`]+)`", prose))
    return [shlex.split(each[1].replace("...", "")) for each in found if each]


BLOCKS = find_blocks(GUIDE)


def options_of(command) -> set[str]:
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts) if name.startswith("-")}


def test_docs_name_every_command_and_option() -> None:
    made = runpy.run_path(str(ROOT / "recipes" / "cli_docs.py"))["document"]()
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == made, "run python recipes/cli_docs.py"
    sections = dict(re.findall(r"^## facelm ?(.*?)\n(.*?)(?=^## |\Z)", made, re.DOTALL | re.MULTILINE))
    assert sections.keys() == {"", *COMMANDS}
    for name, section in sections.items():
        listed = "".join(re.findall(r"^- (.*?): ", section, re.MULTILINE))
        assert set(OPTION.findall(listed)) == options_of(COMMANDS[name] if name else GROUP)


def test_the_guide_names_only_options_that_there_are() -> None:
    known = set().union(*(options_of(each) for each in (GROUP, *COMMANDS.values())))
    named = set(OPTION.findall(GUIDE))
    assert len(named) > 20
    assert named - known == set(FOREIGN)


def test_links_of_the_readme_lead_somewhere() -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert {"docs/cli.md", "docs/design.md", *(f"docs/{page}.md" for page in PAGES)} <= set(linked)
    assert not [name for name in linked if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_links_of_the_pages_lead_somewhere(page: Path) -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [name for name in linked if not (page.parent / name).exists()]


@pytest.mark.parametrize("words", find_inline(GUIDE), ids=" ".join)
def test_commands_in_the_running_text_are_understood(words: list[str]) -> None:
    """They are parsed and not run: they speak of clusters, of GPUs, and of runs that were stopped."""
    command, *arguments = words
    assert command in COMMANDS
    if arguments:
        COMMANDS[command].make_context(command, arguments)


@pytest.fixture
def place(tmp_path: Path, draw_data: Callable[..., Path]) -> Path:
    """A folder that holds what the examples speak of, under the names that they use."""
    samples = ROOT / "sample_images"
    shutil.copytree(samples, tmp_path / "sample_images")
    (tmp_path / "photos" / "more").mkdir(parents=True)
    for copy in ("photo.jpg", "photos/one.jpg", "photos/more/two.jpg"):
        shutil.copy(samples / "person.jpg", tmp_path / copy)
    write_clip(tmp_path / "clip.mp4", [portrait(), portrait(3)], (0, 40))
    (tmp_path / "weights").mkdir()
    shutil.copy(ROOT / "weights" / "lite.safetensors", tmp_path / "weights")
    data = draw_data(4).rename(tmp_path / "DIR")
    rows = (f"{path.name},{'north' if path.stem < '02' else 'south'}" for path in sorted((data / "images").iterdir()))
    (data / "groups.csv").write_text("\n".join(["image,ethnicity", *rows]))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "facelm").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m facelm "$@"\n')
    (tmp_path / "bin" / "facelm").chmod(0o755)
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="the examples are for a POSIX shell")
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block[0].command.split()[1])
def test_examples_do_what_they_show(block: list[Example], place: Path) -> None:
    """Each is typed into a shell as it stands; those of a block one after the other, as a reader would."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    for example in block:
        words = shlex.split(example.command)
        if words[1] in ONLY_PARSED:
            COMMANDS[words[1]].make_context(words[1], words[2:])
            continue
        more = SMALLEST.get(words[1], "")
        done = subprocess.run(
            ["sh", "-c", f"{example.command} {more}"],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        if example.output:
            assert done.stdout == example.output
        if "--json" in words:
            json.loads(done.stdout)
        written = [value for name, value in pairwise(words) if name in ("-o", "--out", "--manifest")]
        written += re.findall(r"\S+/\S+\.\w+", example.comment)
        missing = [name for name in written if not (place / name).exists()]
        assert not missing, example.command


def test_the_blocks_are_read_whole() -> None:
    examples = [example for block in BLOCKS for example in block]
    assert len(examples) == len(re.findall(r"^\$ ", GUIDE, re.MULTILINE))
    assert sum(bool(example.output) for example in examples) == 1
    assert [example.comment for example in BLOCKS[0][:4]] == [
        "a photo: ./photo.overlay.jpg",
        "a folder: overlays/one.overlay.jpg, ...",
        "a video: ./clip.overlay.mp4",
        "masks/person.mask.png, ...",
    ]
