from __future__ import annotations

import pytest

from facelm.cli import screen
from facelm.measuring.bench import Speed
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


def test_speeds_are_shown_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    screen.show_speed(Speed("OpenVinoEngine", 2, 0.25, {"picture to mask and landmarks": 9.04}, 1.5, 12.34, None))
    shown = [" ".join(line.strip("│").split()) for line in capsys.readouterr().out.splitlines()]
    assert shown[0] == "OpenVinoEngine, 1.5 faces in a picture"
    for row in ("load the model │ 0.25 s", "picture to mask and landmarks │ 9.0 ms", "pictures/s, 2 at once │ 12.3"):
        assert row in shown
    assert not any("memory" in row for row in shown)
