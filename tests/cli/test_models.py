from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from commands import PATIENCE, started, wait_until
from trained import assert_same_run, history

from facelm.training.config import TrainConfig


def command(config: TrainConfig, out: Path, **changes: object) -> list[str]:
    """The command line of a run."""
    options = {"encoder": config.encoder, "size": 64, "batch": 3, "lr": 3e-3, "workers": 0, "device": "cpu"} | changes
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return ["train", "--data", config.data[0], "--out", str(out), *given]


def count_epochs(run: Path) -> int:
    return len(history(run)) if (run / "history.csv").exists() else 0


def test_the_command_trains_like_the_api(facelm, straight: Path, config: TrainConfig, tmp_path: Path) -> None:
    done = facelm(*command(config, tmp_path / "run", epochs=4))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'run/best.safetensors'}\n"
    assert "epoch 4/4" in done.stderr
    assert "mean F1" in done.stderr
    assert "Traceback" not in done.stderr
    assert_same_run(straight, tmp_path / "run")
    again = facelm(*command(config, tmp_path / "run", epochs=4))
    assert again.returncode == 1
    assert again.stderr.strip().endswith(f"holds a run already; give --resume {tmp_path / 'run'}, or another --out")


def test_max_minutes_ends_the_command_cleanly(facelm, config: TrainConfig, tmp_path: Path) -> None:
    done = facelm(*command(config, tmp_path / "run", epochs=1000, max_minutes=0.1))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'run/last.ckpt'}\n"
    assert f"facelm train --resume {tmp_path / 'run'}" in done.stderr
    assert (tmp_path / "run/last.ckpt").is_file()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to interrupt")
def test_a_signal_leaves_a_checkpoint_that_can_be_resumed(facelm, config: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    starts = {signal.SIGINT: command(config, run, epochs=10, workers=1), signal.SIGTERM: ["train", "--resume", run]}
    done = 0
    for number, arguments in starts.items():
        with started(*arguments, start_new_session=True) as running:
            wait_until(lambda: count_epochs(run) > done, running)  # noqa: B023
            os.killpg(running.pid, number)  # as a terminal, or timeout(1), does: the workers get it, too
            _, stderr = running.communicate(timeout=PATIENCE)
        assert running.returncode == 128 + number, stderr
        assert f"stopped; go on with: facelm train --resume {run}" in stderr
        assert "Traceback" not in stderr
        assert done < count_epochs(run) < 10
        done = count_epochs(run)
    last = facelm("train", "--resume", run)
    assert last.returncode == 0, last.stderr
    assert last.stdout == f"{run / 'best.safetensors'}\n"
    assert count_epochs(run) == 10


def test_either_data_or_a_run_to_resume(facelm, faces: Path, straight: Path) -> None:
    for arguments in ([], ["--data", faces, "--resume", straight]):
        done = facelm("train", *arguments)
        assert done.returncode == 2
        assert "--data" in done.stderr
        assert "--resume" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_mistake_is_one_message_without_a_traceback(
    facelm, config: TrainConfig, tmp_path: Path, draw_data: Callable[..., Path]
) -> None:
    folder = draw_data(4)
    (folder / "masks/01.png").unlink()
    done = facelm(*command(replace(config, data=(str(folder),)), tmp_path / "run"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"{folder}/images/01.png: no mask {folder}/masks/<same stem>.png\n"
    done = facelm("train", "--resume", tmp_path / "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path / 'nothing'}: holds no run that can be resumed")
    assert len(done.stderr.splitlines()) == 1
