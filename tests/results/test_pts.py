from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recorded import face, same

from facelm.pictures.files import ImageError
from facelm.results.pts import write_pts
from facelm.results.records import PictureRecord


def read_pts(path: Path) -> np.ndarray:
    """What menpo's importer makes of a file: after the line with a brace two numbers a line, minus one."""
    lines = [line.strip() for line in path.read_text("ascii").splitlines()]
    assert lines[:2] == ["version: 1", "n_points: 68"]
    body = lines[lines.index("{") + 1 :]
    return np.array([[float(number) for number in line.split()[:2]] for line in body if not line.startswith("}")]) - 1


def test_pts_is_1_based_and_keeps_sub_folders(records, points, tmp_path):
    for record in records:
        write_pts(record, tmp_path / "out")
    files = ["Zoë ünd 1.pts", "sub/two.pts", "sub/two.2.pts"]
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert found == set(files)
    same([read_pts(tmp_path / "out" / name) for name in files], points)
    corner = PictureRecord("c.jpg", 9, 9, (face(landmarks=np.zeros((68, 2))),), stem="c.d")
    write_pts(corner, tmp_path)
    assert (tmp_path / "c.d.pts").read_text().splitlines()[3] == "1.00 1.00"


def test_pts_needs_a_stem(tmp_path):
    with pytest.raises(ValueError, match=r"a\.jpg has no stem"):
        write_pts(PictureRecord("a.jpg", 9, 9, (face(),)), tmp_path)


def test_pts_folder_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ImageError, match="out"):
        write_pts(PictureRecord("a.jpg", 9, 9, (face(),), stem="a"), tmp_path / "out")
