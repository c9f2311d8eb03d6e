"""Files that are written: over nothing but regular files, and without what others have in hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facelm.pictures.files import ImageError, atomic_path, exists

KEEP_OPEN = """if True:
    import sys, time
    from facelm.pictures.files import atomic_path
    with atomic_path(sys.argv[1]) as temporary:
        temporary.write_text("whole")
        print("written", flush=True)
        sys.stdin.read()
"""


def start(target: Path) -> subprocess.Popen[str]:
    """Another process that writes to a file, and has not finished."""
    running = subprocess.Popen(
        [sys.executable, "-c", KEEP_OPEN, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout and running.stdout.readline() == "written\n"
    return running


def write(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("new")


@pytest.mark.skipif(os.name != "posix", reason="there are no such locks")
def test_what_killed_processes_left_goes_and_what_is_in_hand_stays(tmp_path: Path) -> None:
    dead, alive = start(tmp_path / "dead.png"), start(tmp_path / "alive.png")
    dead.kill()
    dead.wait()
    left = set(tmp_path.glob(".facelm-*"))
    assert len(left) == 2
    # In a container of its own the process that lives may have any number, also that of one which does not live here.
    for path in left:
        path.rename(path.with_name(path.name.replace(f"-{alive.pid}-", f"-{dead.pid}-")))
    write(tmp_path / "new.png")
    (in_hand,) = tmp_path.glob(".facelm-*")
    assert in_hand.read_text() == "whole"
    in_hand.rename(in_hand.with_name(in_hand.name.replace(f"-{dead.pid}-", f"-{alive.pid}-")))
    alive.communicate("")
    assert alive.returncode == 0 and (tmp_path / "alive.png").read_text() == "whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alive.png", "new.png"]


def test_files_of_other_machines_go_after_a_day(tmp_path: Path) -> None:
    new, old = tmp_path / ".facelm-other-1-00.png", tmp_path / ".facelm-other-2-00.png"
    new.touch()
    old.touch()
    os.utime(old, (0, 0))
    write(tmp_path / "a.png")
    assert new.exists() and not old.exists()


@pytest.mark.parametrize("kind", ["folder", "link", "link to a device", "pipe", "dangling link", "circle"])
def test_only_regular_files_are_replaced(kind: str, tmp_path: Path) -> None:
    target, other = tmp_path / "target", tmp_path / "other"
    other.write_text("old")
    {
        "folder": lambda: target.mkdir(),
        "link": lambda: target.symlink_to(other),
        "link to a device": lambda: target.symlink_to("/dev/null"),
        "pipe": lambda: os.mkfifo(target),
        "dangling link": lambda: target.symlink_to(tmp_path / "nowhere"),
        "circle": lambda: target.symlink_to(target),
    }[kind]()
    before = target.lstat()
    with pytest.raises(ImageError, match=r"target: cannot be written"):
        write(target)
    assert target.lstat() == before or target.lstat().st_ino == before.st_ino
    assert other.read_text() == "old" and not list(tmp_path.glob(".facelm-*"))


@pytest.mark.parametrize("name", ["x" * 251, "x" * 5000, "nul\0", "a/" * 3000])
def test_names_that_no_file_can_have_are_asked_for_and_written_in_vain(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.mask.png"
    assert not exists(path)
    with pytest.raises((ImageError, ValueError)) as caught:
        write(path)
    assert isinstance(caught.value, ImageError) or "\0" in name
