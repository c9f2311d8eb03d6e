"""What lies in folders and videos after clips went through the real command line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from clips import empty, portrait, write_clip

from facelm.pictures import images
from facelm.runs.places import are_whole, unfinished

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six frames, three of them with a face."""
    return write_clip(tmp_path / "clip.mp4", [portrait(3 * at) for at in range(3)] + [empty()] * 3)


def test_masks_in_a_folder_or_in_one_video_are_the_same(facelm: Run, clip: Path, tmp_path: Path) -> None:
    assert facelm("parse", clip, "-o", tmp_path).returncode == 0
    assert facelm("parse", clip, "-o", tmp_path, "--video").returncode == 0
    masks = [images.read_mask(path) for path in sorted((tmp_path / "clip").iterdir())]
    assert [path.name for path in sorted((tmp_path / "clip").iterdir())] == [f"00000{at}.mask.png" for at in range(6)]
    with av.open(str(tmp_path / "clip.mask.mkv")) as container:
        assert np.array_equal([frame.to_ndarray() for frame in container.decode(video=0)], masks)
    assert masks[0].any() and not masks[5].any()


def test_a_folder_that_was_left_half_is_filled_anew(facelm: Run, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    assert facelm("parse", clip, "-o", tmp_path, "--every", 2).returncode == 0
    refused = facelm("parse", clip, "-o", tmp_path)
    assert refused.returncode == 2 and "--overwrite" in refused.stderr
    (folder / "000000.mask.png").unlink()
    assert facelm("parse", clip, "-o", tmp_path, "--skip-existing").returncode == 0
    assert len(list(folder.iterdir())) == 2  # it was taken for whole
    unfinished(folder).touch()
    (folder / "999999.mask.png").touch()
    (folder / "mine.txt").touch()
    assert facelm("parse", clip, "-o", tmp_path, "--skip-existing").returncode == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{at:06}.mask.png" for at in range(6)] + ["mine.txt"]
    assert not unfinished(folder).exists()
    assert facelm("parse", clip, "-o", tmp_path, "--overwrite", "--every", 3).returncode == 0
    assert len(list(folder.iterdir())) == 3


def test_a_folder_is_no_result_of_a_picture_and_a_file_none_of_a_clip(tmp_path: Path) -> None:
    folder, file, gone = tmp_path / "a.mask.png", tmp_path / "b.mask.png", tmp_path / ("x" * 300)
    folder.mkdir()
    file.touch()
    assert are_whole([file], False) and are_whole([folder], True)
    assert not are_whole([folder], False) and not are_whole([file], True)
    assert not are_whole([file, gone], False) and not are_whole([gone], True)
    unfinished(folder).touch()
    assert not are_whole([folder], True)
