"""The walls of the house: imports run one way, in no circle, and the command line starts without heavy libraries."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "facelm"
STAGES = (
    "classes", "pictures", "engines", "finding", "parsing", "landmarks", "hands", "results", "video", "runs",
    "training", "measuring", "cli",
)  # fmt: skip
"""Each may import those before it, and none after it."""

LIGHT = {"typer", "rich"}
"""What modules that ``facelm --help`` loads may import beside Python's own library."""

MOST_LINES = 280

UNTESTED = ("engines/engine.py", "training/events.py")
"""Modules without a test file of their own: what they hold is tested with what uses it."""


BY_KIND = "hostile"
"""The folder of tests that lie by what is done to the program, for a kind of attack concerns many modules."""


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def find_imports(tree: ast.AST, when_loaded: bool) -> Iterator[str]:
    """Dotted names of what a module imports: everything, or only what is imported when it is loaded itself."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their module in full"
            whole = f"{node.module}"
            for alias in node.names:
                below = f"{whole}.{alias.name}"
                yield below if below in MODULES else whole
        elif not (when_loaded and (isinstance(node, ast.FunctionDef) or is_for_types(node))):
            yield from find_imports(node, when_loaded)


def find_own(name: str, when_loaded: bool = False) -> set[str]:
    return {other for other in find_imports(TREES[name], when_loaded) if other in MODULES}


def stage_of(name: str) -> int:
    return STAGES.index(name.split(".")[1])


STAGED = [name for name in MODULES if name not in ("facelm", "facelm.__main__")]


def test_each_folder_is_a_stage() -> None:
    assert {name.split(".")[1] for name in STAGED} <= set(STAGES)


def test_no_import_runs_upward() -> None:
    upward = [
        f"{name} imports {other}"
        for name in STAGED
        for other in sorted(find_own(name))
        if other != "facelm" and stage_of(other) > stage_of(name)
    ]
    assert not upward


def test_only_the_parser_of_its_stage_knows_how_faces_are_found() -> None:
    knowing = [
        name
        for name in STAGED
        if name.startswith("facelm.parsing.") and any(other.startswith("facelm.finding") for other in find_own(name))
    ]
    assert knowing == ["facelm.parsing.parser"]


def test_no_imports_run_in_a_circle() -> None:
    try:
        TopologicalSorter({name: find_own(name) - {"facelm"} for name in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_command_line_starts_without_heavy_libraries() -> None:
    loaded, waiting = set(), ["facelm.__main__"]
    while waiting:
        name = waiting.pop()
        if name not in loaded:
            loaded.add(name)
            parents = {name.rsplit(".", dots)[0] for dots in range(1, name.count(".") + 1)}
            waiting += parents | find_own(name, when_loaded=True)
    assert {"facelm.cli.app", "facelm.cli.models", "facelm.cli.options"} <= loaded
    foreign = {
        f"{name} imports {root}"
        for name in loaded
        for imported in find_imports(TREES[name], when_loaded=True)
        if (root := imported.split(".")[0]) not in {"facelm", *LIGHT, *sys.stdlib_module_names}
    }
    assert not foreign


def test_only_the_command_line_prints_and_exits() -> None:
    for name in STAGED:
        if not name.startswith("facelm.cli"):
            assert not {each.split(".")[0] for each in find_imports(TREES[name], when_loaded=False)} & LIGHT, name
            called = {ast.unparse(node.func) for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)}
            assert not called & {"print", "input", "exit", "quit", "sys.exit", "os._exit"}, name


def test_tests_lie_as_modules_do() -> None:
    tests = {path.relative_to(TESTS) for path in TESTS.glob("*/test_*.py") if path.parent.name != BY_KIND}
    modules = {path.relative_to(PACKAGE) for path in MODULES.values() if path.stem != "__init__"}
    strangers = [path for path in tests if path.with_name(path.name.removeprefix("test_")) not in modules]
    assert not strangers
    untested = {path for path in modules if path.parent.name and path.with_name(f"test_{path.name}") not in tests}
    assert untested <= {Path(name) for name in UNTESTED}


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_short(name: str) -> None:
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= MOST_LINES
