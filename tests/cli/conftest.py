from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path: Path, astronaut: np.ndarray) -> Path:
    """A folder of three small portraits, one of them in a sub folder."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    portrait = Image.fromarray(astronaut[:256, 96:352]).resize((160, 160))
    for name in ("a.png", "b.jpg", "sub/c.png"):
        portrait.save(folder / name)
    return folder
