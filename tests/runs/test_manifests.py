from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from facelm.pictures.files import ImageError
from facelm.runs.manifests import open_manifest

DONE = {"image": "b", "faces": 2, "seconds": 0.1}


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_input_has_a_line_in_order(tmp_path: Path) -> None:
    path, stream = tmp_path / "run.jsonl", io.StringIO()
    with open_manifest(path, stream, True, ["a", "b", "c", "d"], {"a": {}, "c": {"frames": 9, "faces": 3}}) as manifest:
        manifest.add(DONE)
        manifest.add({"image": "d", "error": "d: cannot be read"})
    assert lines(path) == [
        {"image": "a", "skipped": True},
        DONE,
        {"image": "c", "frames": 9, "faces": 3, "skipped": True},
        {"image": "d", "error": "d: cannot be read"},
    ]
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [lines(path)[1], lines(path)[3]]
    with open_manifest(path, None, True, ["c", "b", "e"], {"c": {}, "b": {}}) as manifest:
        pass
    assert lines(path) == [
        {"image": "a", "skipped": True},
        {"image": "c", "frames": 9, "faces": 3, "skipped": True},
        DONE | {"skipped": True},
    ]


def test_lines_of_earlier_runs_over_other_inputs_keep_their_order(tmp_path: Path) -> None:
    path, names = tmp_path / "run.jsonl", [f"{number}.jpg" for number in (5, 2, 9, 1, 7, 3)]
    for order in (names, ["new.jpg"], []):
        with open_manifest(path, None, True, order, {}) as manifest:
            for name in order:
                manifest.add({"image": name, "faces": 0})
    assert [line["image"] for line in lines(path)] == [*names, "new.jpg"]


def test_what_a_killed_run_told_is_known_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(KeyboardInterrupt), open_manifest(path, None, False, ["a", "b"], {}) as manifest:
        manifest.add(DONE | {"image": "a"})
        raise KeyboardInterrupt
    assert not path.exists()
    with open_manifest(path, None, True, ["a", "b"], {"a": {}}) as manifest:
        manifest.add(DONE)
    assert lines(path) == [DONE | {"image": "a", "skipped": True}, DONE]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["no JSON\n", "[]\n", '{"faces": 1}\n'])
def test_what_is_no_manifest_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    wanted = pytest.raises(ImageError, match=r"run\.jsonl: cannot be read as a manifest")
    with wanted, open_manifest(path, None, True, [], {}):
        pass
    assert path.read_text() == text
