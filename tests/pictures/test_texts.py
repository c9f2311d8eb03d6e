from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from common import ROOT
from hypothesis import given
from hypothesis import strategies as st

from facelm.pictures.texts import UsageError, read_list, read_text

NAMES = ["photos/a.jpg", "Zoë ünd 1.jpg", "日本.jpg"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_lists_of_every_encoding_and_line_break(tmp_path: Path, encoding: str, line_break: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(line_break.join([*NAMES, ""]).encode(encoding))
    assert read_list(path) == NAMES
    assert line_break.join([*NAMES, ""]) == read_text(path)
    path.write_bytes("\ufeff".join(["", line_break.join(NAMES)]).encode("utf-16-be"))
    assert read_list(path) == NAMES


def test_names_with_nul_between_them(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes("\0".join([*NAMES, ""]).encode())
    assert read_list(path) == NAMES
    path.write_bytes(b"a\0")
    assert read_list(path) == ["a"]
    path.write_bytes(b"caf\xe9.jpg\n")
    assert read_list(path) == ["caf\udce9.jpg"]


@pytest.mark.parametrize(
    "data",
    [
        "a.jpg\r\n".encode("utf-16-le"),
        "../a.jpg".encode("utf-16-le"),
        "/".join(["", "a", "日本"]).encode("utf-16-be"),
        b"a.jpg\0b.jpg\n",
        b"\xff\xfea",
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"list\.txt: not "):
        read_list(path)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n\ufeff"), min_size=1)))
def test_a_list_reads_nothing_that_is_not_in_it(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes("\r\n".join(names).encode("utf-16"))
    assert read_list(path) == names


def test_a_list_that_powershell_wrote(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes((ROOT / "sample_images/person.jpg").read_bytes())
    (tmp_path / "list.txt").write_bytes("a.jpg\r\n".encode("utf-16"))
    command = [sys.executable, "-m", "facelm", "landmarks", "--from-file", "list.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert [line[:18] for line in done.stdout.splitlines()] == ['{"image": "a.jpg",']
