from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facelm.cli import app

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("bench") / "portrait.jpg"
    Image.fromarray(astronaut[:256, 96:352]).resize((160, 160)).save(path)
    return path


def test_every_stage_has_a_time(
    portrait: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("facelm.measuring.bench._LEAST_RUNS", 1)
    monkeypatch.setattr("facelm.measuring.bench._SIDE_BY_SIDE", 10)
    with pytest.raises(SystemExit) as ended:
        app.app(["bench", str(portrait), "--device", "cpu", "--json"])
    assert not ended.value.code
    speed = json.loads(capsys.readouterr().out)
    stages = speed["stages"]
    assert set(stages) > {"read the file", "find the faces", "parse the faces", "paste the mask", "find the landmarks"}
    assert all(milliseconds > 0 for milliseconds in stages.values())
    parts = ("find the faces", "parse the faces", "paste the mask", "find the landmarks")
    whole = stages["picture to mask and landmarks"]
    assert whole == pytest.approx(sum(stages[part] for part in parts)), "of one run"
    assert speed["faces"] == 1 and speed["engine"].startswith("OpenVinoEngine, ")
    assert speed["pictures_per_second"] > 0 and 50 < speed["peak_memory"] < 50_000


@pytest.mark.parametrize(("arguments", "status"), [(("--model", "colossal"), 2), ((), 1)])
def test_what_is_wrong_is_told(facelm: Run, tmp_path: Path, arguments: tuple[str, ...], status: int) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    done = facelm("bench", tmp_path / "text.jpg", *arguments)
    assert done.returncode == status
    assert ("colossal" if status == 2 else "text.jpg") in done.stderr


def test_nothing_to_do(facelm: Run, tmp_path: Path) -> None:
    assert facelm("bench", tmp_path).returncode == 3
    for inputs in (("-",), ("",)):
        assert facelm("bench", *inputs).returncode == 2
