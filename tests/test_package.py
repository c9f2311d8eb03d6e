from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import facelm


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_public_names_are_there() -> None:
    for name in facelm.__all__:
        assert getattr(facelm, name).__name__ == name
    assert not hasattr(facelm, "no_such_name")


def test_public_names_are_sorted_and_loaded_when_they_are_used() -> None:
    assert facelm.__all__ == sorted(facelm.__all__)
    loaded = run("import sys, facelm; print(sorted(name for name in sys.modules if name.startswith('facelm')))")
    assert loaded == "['facelm']"


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in Path(facelm.__file__).parent.rglob("*.py")}
    assert [folder.name for folder in folders if not (folder / "__init__.py").exists()] == []
