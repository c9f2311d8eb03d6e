from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from common import ROOT

LITE = ROOT / "weights/lite.safetensors"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped model, without its export."""
    return Path(shutil.copy(LITE, tmp_path))
