"""Writes docs/cli.md: every command of facelm, and every option, as the command line itself knows them.

python recipes/cli_docs.py

Names and help come from the commands that Typer makes, kinds and bounds of values from the functions behind them, so
that neither the width of a terminal nor the release of Typer changes a letter.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from typer.main import get_command
from typer.models import OptionInfo

from facelm.cli.app import app

TARGET = Path(__file__).parent.parent / "docs" / "cli.md"
VALUES = {Path: "PATH", str: "TEXT", int: "INTEGER", float: "NUMBER", bool: ""}
HEAD = """\
# The command line

Made by `python recipes/cli_docs.py` from the help of the commands, which `facelm --help` and `facelm COMMAND --help`
show, too. The [README](../README.md) has examples.
"""


def document() -> str:
    """The whole text of docs/cli.md."""
    group = get_command(app)
    assert app.registered_callback is not None and app.registered_callback.callback is not None
    parts = [HEAD, *_describe("facelm", group, app.registered_callback.callback, " COMMAND ...")]
    for info in app.registered_commands:
        assert info.callback is not None
        name = info.name or info.callback.__name__.replace("_", "-")
        parts += _describe(f"facelm {name}", group.commands[name], info.callback)  # type: ignore[attr-defined]
    return "\n".join(parts)


def _describe(title: str, command: Any, callback: Callable[..., Any], more: str = "") -> Iterator[str]:
    """The section of one command: how it is called, what it does, what it can be told."""
    annotations = {
        name: each.annotation for name, each in inspect.signature(callback, eval_str=True).parameters.items()
    }
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    places = "".join(f" {each.metavar}" if each.required else f" [{each.metavar}]" for each in arguments)
    yield f"## {title}\n"
    yield f"    {title} [OPTIONS]{places}{more}\n"
    yield f"{_plain(inspect.getdoc(callback) or '')}\n"
    for each in arguments:
        yield f"- `{each.metavar}`: {_plain(each.help)}"
    for each in options:
        yield _describe_option(each, annotations.get(each.name, bool))
    yield ""


def _describe_option(option: Any, annotation: Any) -> str:
    """A line for one option: its names, the kind of its value, its help, bounds and default."""
    parts = list(_flatten(annotation))
    kind = next(part for part in parts if isinstance(part, type) and part is not type(None))
    value = "|".join(each.value for each in kind) if issubclass(kind, Enum) else VALUES[kind]
    names = [*option.opts[1:], f"{option.opts[0]} {value}".strip(), *option.secondary_opts]
    info = next((part for part in parts if isinstance(part, OptionInfo)), OptionInfo())
    notes = ["required"] if option.required else []
    if info.min is not None:
        notes.append(f"at least {info.min:g}" if info.max is None else f"{info.min:g} to {info.max:g}")
    elif info.max is not None:
        notes.append(f"at most {info.max:g}")
    if kind is not bool and option.default is not None and not option.required:
        notes.append(f"default `{option.default.value if isinstance(option.default, Enum) else option.default}`")
    told = f"{_plain(option.help or '')} ({', '.join(notes)})" if notes else _plain(option.help or "")
    return f"- {', '.join(f'`{name}`' for name in names)}: {told.strip()}"


def _flatten(annotation: Any) -> Iterator[Any]:
    """What an annotation is made of: `Annotated[list[Path] | None, info]` is Path, None and info."""
    parts = get_args(annotation)
    if not parts:
        yield annotation
    for part in parts:
        yield from _flatten(part)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*<" else letter for letter in text)


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
