import pytest

from facelm.pictures.files import ImageError, atomic_path


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


def test_nothing_written_is_an_image_error(tmp_path):
    with pytest.raises(ImageError, match="cannot be written"), atomic_path(tmp_path / "x.txt"):
        pass
