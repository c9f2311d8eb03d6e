import os
import stat
import threading
from pathlib import Path

import pytest

from facelm.files import ImageError, atomic_path


def write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def assert_one_line(error: pytest.ExceptionInfo[ImageError], name: Path, cause: str) -> None:
    message = str(error.value)
    assert message.startswith(f"{name}: ")
    assert cause in message
    assert len(message.splitlines()) == 1


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
    assert_one_line(error, target, "cannot be written (No space left on device)")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_written_is_an_image_error(tmp_path):
    with pytest.raises(ImageError, match="cannot be written"), atomic_path(tmp_path / "x.txt"):
        pass


@pytest.mark.parametrize("below", ["file", "file/deeper"])
def test_a_file_in_place_of_the_output_folder(tmp_path, below):
    (tmp_path / "file").write_text("keep")
    target = tmp_path / below / "m.txt"
    with pytest.raises(ImageError) as error:
        write(target, b"new")
    assert_one_line(error, target, "cannot be written")
    assert (tmp_path / "file").read_text() == "keep"


def test_no_permission_to_write(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("root may write everywhere")
    with pytest.raises(ImageError, match="cannot be written"):
        write(folder / "x.txt", b"new")


def test_a_folder_or_device_is_not_replaced(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    for target in (tmp_path / "folder.txt", Path(os.devnull)):
        with pytest.raises(ImageError) as error:
            write(target, b"new")
        assert_one_line(error, target, "a folder or device has this name")
    assert Path(os.devnull).is_char_device()


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_is_honoured(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write(tmp_path / "x.txt", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.txt").stat().st_mode) == mode


def test_a_reader_never_sees_a_part(tmp_path):
    path = tmp_path / "m.txt"
    contents = [bytes([index]) * 100_000 for index in range(2)]
    write(path, contents[0])
    done = threading.Event()

    def rewrite():
        for turn in range(60):
            write(path, contents[turn % 2])
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    reads = 0
    while not done.is_set() or not reads:
        assert path.read_bytes() in contents
        reads += 1
    writer.join()
    assert list(tmp_path.iterdir()) == [path]
