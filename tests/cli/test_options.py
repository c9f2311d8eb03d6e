from __future__ import annotations

from pathlib import Path

import pytest
from common import ROOT

from facelm.cli import app
from facelm.parsing.parser import FaceParser
from facelm.results import formats


def test_options_of_the_parser_reach_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {}

    class Watched(FaceParser):
        def __init__(self, *values: object) -> None:
            super().__init__(*values)  # type: ignore[arg-type]
            given.update(batch=self.batch, flip=self.flip, min_face=self.min_face, size=self.info.size)

    monkeypatch.setattr("facelm.parsing.parser.FaceParser", Watched)
    options = ["--device", "cpu", "--batch", "3", "--flip", "--min-face", "40", "--quiet"]
    with pytest.raises(SystemExit) as ended:
        app.app(["parse", str(ROOT / "sample_images/person.jpg"), "-o", str(tmp_path), *options])
    assert ended.value.code == 0
    assert given == {"batch": 3, "flip": True, "min_face": 40, "size": 384}


def test_formats_of_the_command_line_are_those_of_the_writers() -> None:
    assert tuple(kind.value for kind in app.Format) == formats.FORMATS
