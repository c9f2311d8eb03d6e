from __future__ import annotations

import sys
from pathlib import Path

import pytest

from facelm.engines.caches import compile_kept

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no variable for where caches are")


class Compiler:
    """Compiles as OpenVINO does: writes to a folder what is not there yet."""

    def __init__(self) -> None:
        self.compiled = 0

    def __call__(self, folder: str | None) -> bytes:
        blob = Path(folder or "/", "network.blob")
        if folder and blob.exists():
            return blob.read_bytes()
        self.compiled += 1
        if folder:
            blob.write_bytes(b"a network")
        return b"a network"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "facelm"


def test_what_is_kept_is_not_compiled_again(root: Path) -> None:
    compiler = Compiler()
    assert [compile_kept(compiler, key) for key in ("a", "a", "b", "a")] == [b"a network"] * 4
    assert compiler.compiled == 2
    assert root.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in root.iterdir()) == ["a", "b"]


def test_changed_files_are_not_read(root: Path) -> None:
    compiler = Compiler()
    compile_kept(compiler, "a")
    for name in ("network.blob", "digest"):
        (root / "a" / name).write_bytes(b"A network")
        assert compile_kept(compiler, "a") == b"a network"
        assert compile_kept(compiler, "a") == b"a network"
    (root / "a" / "more").touch()
    compile_kept(compiler, "a")
    assert compiler.compiled == 4


def test_the_network_of_another_is_not_taken(root: Path) -> None:
    compiler = Compiler()
    compile_kept(compiler, "a")
    (root / "a").rename(root / "b")
    compile_kept(compiler, "b")
    assert compiler.compiled == 2


def test_a_folder_that_others_may_write_to_is_left_alone(root: Path) -> None:
    root.mkdir()
    root.chmod(0o777)
    compiler = Compiler()
    assert compile_kept(compiler, "a") == b"a network"
    assert list(root.iterdir()) == []


def test_a_link_to_a_folder_is_left_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    root.symlink_to(tmp_path / "other")
    assert compile_kept(Compiler(), "a") == b"a network"
    assert list((tmp_path / "other").iterdir()) == []


def test_what_openvino_cannot_read_is_removed(root: Path) -> None:
    compile_kept(Compiler(), "a")

    def refuse(folder: str | None) -> bytes:
        if folder:
            raise RuntimeError("not a network")
        return b"compiled"

    assert compile_kept(refuse, "a") == b"compiled"
    assert list(root.iterdir()) == []
