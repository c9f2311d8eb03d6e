from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from facelm.engines import ways
from facelm.engines.ways import EIGHT, HALF, SINGLE, VARIABLE, pick_way, usual_way
from facelm.engines.weights import ModelError

ALL = (HALF, SINGLE, EIGHT)

kept = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no variable for where caches are")


class Machine:
    """Takes a time for each way, and counts what is prepared."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
        self.seconds: Mapping[str, float] = seconds
        self.prepared: list[str] = []
        monkeypatch.setattr(ways, "_clock", lambda run: run() if run else float("inf"))

    def prepare(self, way: str) -> Callable[[], object] | None:
        self.prepared.append(way)
        return (lambda: self.seconds[way]) if way in self.seconds else None


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "facelm"


@kept
@pytest.mark.parametrize(
    ("seconds", "quickest"),
    [
        pytest.param({HALF: 0.13, SINGLE: 0.10, EIGHT: 0.09}, EIGHT, id="bfloat16 without AMX"),
        pytest.param({HALF: 0.03, SINGLE: 0.08, EIGHT: 0.05}, HALF, id="AMX"),
        pytest.param({HALF: 0.13, SINGLE: 0.10}, SINGLE, id="no eight bits"),
    ],
)
def test_the_quickest_way_is_taken_and_kept(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], quickest: str
) -> None:
    machine = Machine(monkeypatch, **seconds)
    assert pick_way("a network", ALL, machine.prepare) == quickest
    assert sorted(machine.prepared) == sorted(ALL)
    machine.seconds = {way: -time for way, time in seconds.items()}
    assert pick_way("a network", ALL, machine.prepare) == quickest
    assert len(machine.prepared) == 3
    assert pick_way("another network", ALL, machine.prepare) != quickest


@kept
def test_a_note_that_is_none_is_decided_anew(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    machine = Machine(monkeypatch, half=1, single=2, eight=3)
    assert pick_way("a network", ALL, machine.prepare) == HALF
    (note,) = folder.glob("*.way")
    note.write_text("quarter")
    machine.seconds = {HALF: 3, SINGLE: 2, EIGHT: 1}
    assert pick_way("a network", ALL, machine.prepare) == EIGHT
    assert note.read_text() == EIGHT
    assert [path.name for path in folder.iterdir()] == [note.name]


@kept
def test_of_two_that_decide_at_once_the_first_has_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Machine(monkeypatch, half=1, single=2)
    second = Machine(monkeypatch, half=2, single=1)

    def prepare_late(way: str) -> Callable[[], object] | None:
        assert pick_way("a network", (HALF, SINGLE), first.prepare) == HALF
        return second.prepare(way)

    assert pick_way("a network", (HALF, SINGLE), prepare_late) == HALF


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, half=1, single=2, eight=3)
    for way in ALL:
        monkeypatch.setenv(VARIABLE, way)
        assert pick_way("a network", ALL, machine.prepare) == way
    assert pick_way("a network", (HALF, SINGLE), machine.prepare) == SINGLE
    assert not machine.prepared
    monkeypatch.setenv(VARIABLE, "sixteen")
    with pytest.raises(ModelError, match="FACELM_PRECISION=sixteen: wanted is half, single or eight"):
        pick_way("a network", ALL, machine.prepare)


@pytest.mark.parametrize(
    ("flags", "order"), [("avx2 amx_bf16", (HALF, EIGHT, SINGLE)), ("avx2", (EIGHT, SINGLE, HALF))]
)
def test_where_nothing_can_be_kept_the_kind_of_processor_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, order: tuple[str, ...]
) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(ways, "_CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    machine = Machine(monkeypatch, half=1, single=2, eight=3)
    if sys.platform == "linux":
        assert pick_way("a network", ALL, machine.prepare) == order[0]
        assert not machine.prepared
    for count in (3, 2, 1):
        assert usual_way(order[-count:]) == order[-count]
    monkeypatch.setattr(ways, "_CPUINFO", tmp_path / "none")
    assert usual_way(ALL) == EIGHT
