from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facelm.pictures.motion import is_clip


def write(path: Path, frames: int) -> Path:
    pictures = [Image.fromarray(np.full((24, 24, 3), 40 * at, np.uint8)) for at in range(frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    return path


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_what_moves_is_a_clip(tmp_path: Path, suffix: str) -> None:
    assert is_clip(write(tmp_path / f"moving{suffix}", 3))
    assert not is_clip(write(tmp_path / f"still{suffix}", 1))


def test_suffixes_tell_clips(tmp_path: Path) -> None:
    assert is_clip(tmp_path / "a.MP4") and is_clip(tmp_path / "a.webm")
    assert not is_clip(tmp_path / "a.jpg") and not is_clip(None)


def test_what_cannot_be_read_is_no_clip(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    (tmp_path / "b.webp").write_bytes(b"RIFF0000WEBPVP8X")
    (tmp_path / "c.gif").mkdir()
    assert not any(is_clip(tmp_path / name) for name in ("a.gif", "b.webp", "c.gif", "none.gif"))
