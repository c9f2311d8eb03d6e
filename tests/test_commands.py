"""The way in which tests run commands: each in the environment of its test, and of no other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from facelm.engines.ways import VARIABLE


def test_no_command_keeps_the_environment_of_another(
    facelm: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["landmarks", "sample_images/no_face.jpg", "-o", tmp_path / "records.jsonl"]
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, "nonsense")
        assert facelm(*command).returncode == 2
    assert facelm(*command).returncode == 0
