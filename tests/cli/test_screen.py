from __future__ import annotations

import pytest

from facelm.cli import screen
from facelm.training.events import Step


def test_names_are_told_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    screen.warn("10:100:20.jpg: [bold]no such file")
    assert capsys.readouterr().err == "10:100:20.jpg: [bold]no such file\n"


def test_a_log_gets_a_line_a_minute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = [100.0]
    monkeypatch.setattr("facelm.cli.screen.time.monotonic", lambda: clock[0])
    view = screen.TrainingView()
    for seconds in range(0, 200, 5):
        clock[0] = 100.0 + seconds
        view.show(Step(2, 7, 1 + seconds // 5, 40, 0.5, 3.2, 90.0))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[1] for line in lines] == ["step 14/40", "step 27/40", "step 40/40"]
    assert lines[0].startswith("epoch 2/7  step 14/40  loss 0.5000  3.2 images/s  ")
