from __future__ import annotations

from pathlib import Path

import pytest

from facelm.pictures.files import ImageError
from facelm.results.journals import journal_of, read_lines


def stop_after(path: Path, lines: list[dict[str, object]], resume: bool = False) -> None:
    """A run that ends in the middle."""
    with pytest.raises(KeyboardInterrupt), journal_of(path, resume) as journal:
        for line in lines:
            journal.append(line)
            journal.end()
        if lines:
            journal.append({"image": "in hand", "frame": 0})
        raise KeyboardInterrupt


def test_lines_outlive_a_run_that_ends_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.jsonl"
    stop_after(path, [{"image": "a"}])
    assert read_lines(path) == [{"image": "a"}]
    with (path.parent / ".run.jsonl.unfinished").open("a") as file:
        file.write('{"image": "cut o')
    assert read_lines(path) == [{"image": "a"}]
    stop_after(path, [{"image": "b"}], resume=True)
    assert read_lines(path) == [{"image": "a"}, {"image": "b"}]
    stop_after(path, [{"image": "c"}])
    assert read_lines(path) == [{"image": "c"}]


def test_a_journal_goes_when_its_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with journal_of(path, False) as journal:
        journal.append({"image": "a"})
        journal.end()
        path.write_text('{"image": "a"}\n')
    assert list(tmp_path.iterdir()) == [path]
    stop_after(tmp_path / "nothing", [])
    assert list(tmp_path.iterdir()) == [path]


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with journal_of(path, False), pytest.raises(ImageError, match="another run is writing it"), journal_of(path, True):
        pass


@pytest.mark.parametrize("text", ["no JSON\n", "[]\n", '{"score": NaN}\n', "[" * 100_000 + "\n"])
def test_what_is_no_journal_is_a_value_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.jsonl").write_text(text)
    with pytest.raises(ValueError):
        read_lines(tmp_path / "run.jsonl")
