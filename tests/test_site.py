"""The pages of the documentation are built, and hold what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from common import ROOT

import facelm

API = (ROOT / "docs" / "api.md").read_text("utf-8")


def test_the_reference_names_what_is_for_users() -> None:
    named = {name.rsplit(".", 1)[1]: name for name in re.findall(r"^::: (\S+)", API, re.MULTILINE)}
    assert named.keys() == set(facelm.__all__)
    for name, home in named.items():
        assert getattr(facelm, name).__module__ == home.rsplit(".", 1)[0]


def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "index.html").is_file() and (tmp_path / "cli" / "index.html").is_file()
    reference = (tmp_path / "api" / "index.html").read_text("utf-8")
    assert "Faces in reading order" in re.sub(r"\s+", " ", reference)
    for page in tmp_path.rglob("*.html"):
        text = page.read_text("utf-8")
        assert not re.findall(r"(?:src|href)=\"https?://(?:fonts|cdn|unpkg)", text), page
