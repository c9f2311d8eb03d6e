"""Wrong usage of every kind, in every command: one line on standard error, which names the command; exit status 2."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command

from facelm.cli.app import app

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
KINDS = {
    "an unknown option": (["--opaque"], "No such option: --opaque"),
    "an unknown option of a letter": (["-Z"], "No such option: -Z"),
    "an option that breaks the line": (["--a\nb\x1b[2J\u202e"], r"No such option: --a"),
    "a value for a switch": (["--help=3"], "does not take a value"),
}
WRONG = {
    "no such command": (["parze"], "No such command 'parze'"),
    "no such option of all": (["--opaque"], "No such option: --opaque"),
    "a missing argument": (["export"], "Missing argument 'MODEL'"),
    "a missing option": (["evaluate"], "Missing option '--data'"),
    "a missing value": (["parse", "a.jpg", "-o"], "Option '-o' requires an argument"),
    "one argument too many": (["classes", "more"], "unexpected extra argument"),
    "a number that is none": (["parse", "a.jpg", "--batch", "x"], "'--batch'"),
    "a number out of its bounds": (["parse", "a.jpg", "--batch", "0"], "'--batch'"),
    "a number that is too large": (["live", "--port", "99999"], "'--port'"),
    "no such choice": (["landmarks", "a.jpg", "--format", "zip"], "'zip' is not one of 'jsonl', 'json', 'csv'"),
    "a choice of another command": (["evaluate", "--data", "x", "--norm", "width"], "'width' is not one of"),
}
OWN = {
    "nothing given": (["parse"], "give at least one INPUT, or --from-file"),
    "no such model": (["export", "a\nb"], r"a\nb: no such file"),
    "two that write one file": (["parse", "a\nb.jpg", "c/a\nb.png"], r"would both write a\nb.mask.png"),
    "options that exclude each other": (["train", "--data", "x", "--resume", "y"], "(not both)"),
    "a run to be written over": (["train", "--data", "x", "--overwrite"], "--overwrite is for --preview"),
    "a number that is not finite": (["train", "--data", "x", "--lr", "nan"], "--lr nan: wanted is a finite number"),
    "standard input, to be timed": (["bench", "-"], "standard input cannot be timed"),
    "options of labelled folders": (["report", "a.jpg", "--by", "age"], "are for one folder with known answers"),
    "a data folder that is none": (["evaluate", "--data", "/nowhere"], "/nowhere: not a data folder"),
}


def told_by(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command line says, once it has begun to read its arguments; it comes to nothing else."""
    with pytest.raises(SystemExit) as end:
        app(arguments, prog_name="facelm")
    output, errors = capsys.readouterr()
    assert end.value.code == 2 and not output
    assert errors.endswith("\n") and errors[:-1].isprintable()
    return errors


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_in_a_line_that_names_it(
    command: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = KINDS[kind]
    told = told_by([command, *arguments], capsys)
    assert message in told and told.startswith("facelm")


@pytest.mark.parametrize("kind", WRONG)
def test_arguments_that_cannot_be_read(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = WRONG[kind]
    told = told_by(arguments, capsys)
    assert message in told and told.startswith("facelm")


@pytest.mark.parametrize("kind", OWN)
def test_arguments_that_do_not_go_together(kind: str, facelm: Run, tmp_path: Path) -> None:
    arguments, message = OWN[kind]
    done = facelm(*arguments)
    assert done.returncode == 2 and not done.stdout
    assert len(done.stderr.splitlines()) == 1 and message in done.stderr
