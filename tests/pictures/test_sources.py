from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from commands import PATIENCE, started, wait_until
from common import ROOT
from hypothesis import given
from hypothesis import strategies as st

from facelm.pictures import sources
from facelm.pictures.sources import Source, UsageError, check_outputs, find


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working directory, with a folder ``in`` of pictures and other files."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "in/b.jpg",
        "in/a.PNG",
        "in/Zoë on holiday.jpeg",
        "in/notes.txt",
        "in/.hidden.jpg",
        "in/.cache/x.jpg",
        "in/b.mask.png",
        "in/b.OVERLAY.jpg",
        "in/sub/deep er/c.webp",
        "in/sub/b.jpg",
        "in/sub/d.e.tif",
    ):
        touch(Path(name))
    return tmp_path


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def names(*inputs: str) -> list[str]:
    return [source.name for source in find(inputs)]


def stems(*inputs: str) -> list[str]:
    return [source.stem for source in find(inputs)]


def test_a_file_is_called_what_the_user_calls_it(folder):
    assert find(["./in/b.jpg"]) == [Source(Path("in/b.jpg"), "./in/b.jpg", "b")]
    absolute = str(folder / "in" / "b.jpg")
    assert find([absolute]) == [Source(Path(absolute), absolute, "b")]


def test_a_named_file_is_taken_whatever_its_suffix(folder):
    assert stems("in/notes.txt", "in/b.mask.png", "in/.hidden.jpg") == ["notes", "b.mask", ".hidden"]


def test_a_missing_file_stays_in_the_list(folder):
    assert names("nowhere/x.jpg", "in/b.jpg") == ["nowhere/x.jpg", "in/b.jpg"]
    assert names("x" * 5000 + ".jpg", "in/b.jpg/x.jpg") == ["x" * 5000 + ".jpg", "in/b.jpg/x.jpg"]


def test_a_folder_is_walked_in_order(folder):
    found = find(["in"])
    assert [source.stem for source in found] == [
        "Zoë on holiday",
        "a",
        "b",
        "sub/b",
        "sub/d.e",
        "sub/deep er/c",
    ]
    assert found[-1] == Source(Path("in/sub/deep er/c.webp"), "in/sub/deep er/c.webp", "sub/deep er/c")
    assert find(["in"]) == found


@pytest.mark.parametrize("spelling", ["in/sub", "in/sub/", "./in/sub", "in/../in/sub"])
def test_stems_are_relative_to_the_folder_however_it_is_spelled(folder, spelling):
    assert stems(spelling) == ["b", "d.e", "deep er/c"]


def test_the_working_directory(folder, monkeypatch):
    monkeypatch.chdir(folder / "in" / "sub")
    assert names(".") == ["b.jpg", "d.e.tif", "deep er/c.webp"]
    assert stems("..")[-1] == "sub/deep er/c"


def test_a_hidden_folder_can_be_named(folder):
    assert names("in/.cache") == ["in/.cache/x.jpg"]


def test_an_empty_folder_gives_nothing(folder):
    Path("empty").mkdir()
    assert find(["empty"]) == []
    assert find([]) == []


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in/*.jpg", ["b"]),
        ("in/*", ["Zoë on holiday", "a", "b"]),
        ("in/[ab].*", ["a", "b"]),
        ("in/?.jpg", ["b"]),
        ("in/*/*.jpg", ["sub/b"]),
        ("in/s*/b.jpg", ["sub/b"]),
        ("in/sub/*/*", ["deep er/c"]),
        ("in/**/b.jpg", ["b", "sub/b"]),
        ("in/**", ["Zoë on holiday", "a", "b", "sub/b", "sub/d.e", "sub/deep er/c"]),
        ("in/**.jpg", ["b"]),
        ("**/*.tif", ["in/sub/d.e"]),
        ("in/.*", []),
        ("nowhere/*.jpg", []),
        ("in/[.jpg", []),
    ],
)
def test_globs(folder, pattern, expected):
    assert stems(pattern) == expected


def test_globs_name_pictures_below_their_fixed_folder(folder):
    assert find(["in/*/b.jpg"]) == [Source(Path("in/sub/b.jpg"), "in/sub/b.jpg", "sub/b")]
    absolute = folder.as_posix()
    assert find([f"{absolute}/in/sub/*.tif"]) == [
        Source(folder / "in/sub/d.e.tif", f"{absolute}/in/sub/d.e.tif", "d.e")
    ]


def test_a_file_with_the_name_of_a_glob_is_a_file(folder):
    touch(Path("in/[ab].png"))
    touch(Path("x[1]/y.jpg"))
    assert names("in/[ab].png") == ["in/[ab].png"]
    assert names("x[1]") == ["x[1]/y.jpg"]


def test_standard_input(folder):
    assert find(["in/b.jpg", "-"]) == [Source(Path("in/b.jpg"), "in/b.jpg", "b"), Source(None, "-", "stdin")]
    with pytest.raises(UsageError, match="only once"):
        find(["-", "in/b.jpg", "-"])


def test_a_file_called_minus(folder):
    touch(Path("-"))
    assert names("-", "./-") == ["-", "./-"]


def test_an_empty_input_is_not_the_working_directory(folder):
    with pytest.raises(UsageError, match="empty"):
        find(["in/b.jpg", ""])


def test_a_picture_is_taken_once(folder):
    assert names("in/b.jpg", "in/b.jpg", "./in/b.jpg", str(folder / "in/b.jpg")) == ["in/b.jpg"]
    assert names("gone.jpg", "gone.jpg") == ["gone.jpg"]
    both = names("in/sub/b.jpg", "in", "in/**/*.jpg")
    assert both[0] == "in/sub/b.jpg"
    assert sorted(both) == sorted(names("in"))


def test_links(folder):
    Path("in/sub/loop").symlink_to(folder / "in")
    Path("in/sub/self").symlink_to(folder / "in/sub/self")
    Path("in/circle.jpg").symlink_to("circle.jpg")
    Path("in/link to b.jpg").symlink_to("b.jpg")
    Path("in/gone.jpg").symlink_to("nowhere.jpg")
    Path("linked").symlink_to("in/sub")
    # A link is a picture of its own; a broken or circular one stays too, to fail when it is read.
    expected = ["Zoë on holiday", "a", "b", "circle", "gone", "link to b", "sub/b", "sub/d.e", "sub/deep er/c"]
    assert stems("in") == stems("in/**") == expected
    assert stems("linked") == ["b", "d.e", "deep er/c"]
    assert stems("linke*/*.jpg") == ["linked/b"]


def test_a_folder_that_cannot_be_opened_stays_in_the_list(folder, monkeypatch):
    scandir = os.scandir

    def guarded(path):
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert names("in") == ["in/Zoë on holiday.jpeg", "in/a.PNG", "in/b.jpg", "in/sub"]
    assert find(["in/sub"]) == [Source(Path("in/sub"), "in/sub", "sub")]


def test_every_own_output_is_left_out_of_folders(folder):
    for suffix in sources.OWN_SUFFIXES:
        touch(Path(f"out/x{suffix}"))
    assert find(["out", "out/*"]) == []


def source(name: str) -> Source:
    return Source(Path(name), name, Path(name).with_suffix("").as_posix())


def test_outputs_that_clash(folder):
    touch(Path("in/b.png"))
    with pytest.raises(UsageError, match=r"^in/b\.jpg and in/b\.png would both write b\.mask\.png$"):
        check_outputs(find(["in"]), [".mask.png"])
    with pytest.raises(UsageError, match=r"^in/sub/b\.jpg and in/b\.jpg would both write b\.overlay\.jpg$"):
        check_outputs(find(["in/sub", "in/b.jpg"]), [".overlay.jpg"])


def test_outputs_that_do_not_clash(folder):
    check_outputs(find(["in", "-"]), [".mask.png", ".npz"])
    check_outputs([], [".mask.png"])
    check_outputs([source("a.jpg"), source("b/a.jpg")], [".mask.png"])


def test_outputs_that_clash_on_some_disks():
    for a, b in (("A.jpg", "a.jpg"), ("Zo\u00eb.jpg", "Zoe\u0308.jpg")):
        with pytest.raises(UsageError, match="would both write"):
            check_outputs([source(a), source(b)], [".mask.png"])


def test_standard_input_clashes_with_a_file_of_its_stem():
    with pytest.raises(UsageError, match=r"- and x/stdin\.jpg"):
        check_outputs(find(["-", "x/stdin.jpg"]), [".mask.png"])


def test_a_second_face_may_not_take_another_pictures_pts():
    pictures = [source("a.2.jpg"), source("a.jpg")]
    check_outputs(pictures, [".mask.png"])
    with pytest.raises(UsageError, match=r"^a\.jpg and a\.2\.jpg could both write a\.2\.pts$"):
        check_outputs(pictures, [".pts"])
    check_outputs([source(f"a{end}.jpg") for end in ("", ".0", ".1", ".02", ".b")], [".pts"])
    check_outputs([source("a.2.jpg"), source("a.3.jpg")], [".pts"])


@given(st.lists(st.text("abé. ", min_size=1).map(lambda text: f"x{text}y"), max_size=6))
def test_outputs_clash_exactly_when_stems_are_equal(found):
    sources = [Source(Path(f"{number}.jpg"), f"{number}.jpg", stem) for number, stem in enumerate(found)]
    if len(set(found)) == len(found):
        check_outputs(sources, [".mask.png", ".npz"])
    else:
        with pytest.raises(UsageError):
            check_outputs(sources, [".mask.png", ".npz"])


def test_walks_and_globs_take_no_pipe(folder):
    os.mkfifo("in/pipe.jpg")
    Path("in/link.jpg").symlink_to("pipe.jpg")
    Path("in/good.jpg").symlink_to("b.jpg")
    taken = names("in/*.jpg")
    assert "in/good.jpg" in taken and not {"in/pipe.jpg", "in/link.jpg"} & set(taken)
    assert not {"in/pipe.jpg", "in/link.jpg"} & set(names("in"))
    assert names("in/pipe.jpg") == ["in/pipe.jpg"]


def test_own_results_are_left_out_unless_they_are_named(folder):
    for suffix in sources.OWN_SUFFIXES:
        touch(Path(f"in/x.1{suffix}"))
    assert not [name for name in names("in", "in/*.*") if name.startswith("in/x.")]
    assert names("in/*.crop.png") == ["in/x.1.crop.png"]
    assert names("in/x.1.overlay.jpg") == ["in/x.1.overlay.jpg"]


def test_a_named_pipe_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    data = (ROOT / "sample_images/person.jpg").read_bytes()
    writer = threading.Thread(target=(tmp_path / "pipe.jpg").write_bytes, args=(data,))
    writer.start()
    rgb = sources.read(Source(tmp_path / "pipe.jpg", "pipe.jpg", "pipe"))
    writer.join()
    assert rgb.shape == (512, 512, 3)


def wait_for_handler(running: subprocess.Popen[str]) -> None:
    """Until a process minds a signal; where the system does not tell, for as long as starting takes."""
    status = Path(f"/proc/{running.pid}/status")
    if not status.exists():
        time.sleep(4)
        return
    # SIGINT is minded by Python itself from the start on, SIGTERM only by facelm.
    wait_until(lambda: caught(status) >> (signal.SIGTERM - 1) & 1, running)


def caught(status: Path) -> int:
    """The signals that a process has handlers for, a bit for each."""
    return int(next(line for line in status.read_text().splitlines() if line.startswith("SigCgt")).split()[1], 16)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("inputs", [["pipe.jpg"], ["-"], ["--from-file", "pipe.jpg"]])
def test_the_first_signal_ends_waiting_for_a_pipe(tmp_path, inputs, number):
    os.mkfifo(tmp_path / "pipe.jpg")
    with started("landmarks", *inputs, cwd=tmp_path, stdin=subprocess.PIPE) as running:
        wait_for_handler(running)
        assert running.poll() is None
        running.send_signal(number)
        assert running.wait(PATIENCE) == 128 + number
