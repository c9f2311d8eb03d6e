import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from common import ROOT
from hypothesis import given
from hypothesis import strategies as st

from facelm.pictures.files import ImageError, atomic_path, spell


def test_atomic_path_is_a_hidden_neighbour_with_the_same_suffix(tmp_path):
    target = tmp_path / "a" / "b.model.png"
    with atomic_path(target) as first, atomic_path(target) as second:
        assert first.parent == target.parent and first.suffix == ".png" and first.name.startswith(".")
        assert first != second
        first.write_text("first")
        second.write_text("second")
        assert not target.exists()
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["b.model.png"]


@pytest.mark.parametrize("exception", [RuntimeError, KeyboardInterrupt, ValueError])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, exception):
    target = tmp_path / "x.txt"
    target.write_text("old")

    def fail():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise exception("stop")

    with pytest.raises(exception, match="stop"):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_no_space_left_is_an_image_error_and_keeps_the_old_file(tmp_path):
    target = tmp_path / "x.txt"
    target.write_text("old")

    def fail():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(ImageError) as error:
        fail()
    assert str(error.value) == f"{target}: cannot be written (No space left on device)"
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


NASTY = "a\x1b[2J\x9b31m\x1b]0;title\x07\r\u202egpj.jpg"


@given(st.text())
def test_a_spelled_name_steers_no_terminal(name: str) -> None:
    spelled = spell(name)
    assert not [c for c in spelled if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert spelled.splitlines() in ([], [spelled])
    assert spell("Zoë 日本.jpg") == "Zoë 日本.jpg" and spell("a\rb\nc") == r"a\rb\nc"


@pytest.mark.parametrize(
    "options", [[NASTY], ["--box", NASTY, "x.jpg"], ["x.jpg", "-m", NASTY], ["--" + NASTY], [NASTY + "*"]]
)
def test_no_message_holds_a_control_character(tmp_path: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "facelm", "parse", *options, "-o", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode in (1, 2, 3)
    assert not {c for c in done.stderr + done.stdout if unicodedata.category(c) in ("Cc", "Cf")} - {"\n"}
    assert r"a\x1b[2J" in done.stderr.translate(dict.fromkeys(map(ord, "\n│ ")))
