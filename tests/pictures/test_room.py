from __future__ import annotations

import threading
from pathlib import Path

import pytest
from commands import PATIENCE

from facelm.pictures import room
from facelm.pictures.files import ImageError
from facelm.pictures.room import Room, find_memory, read_bytes


def test_pictures_wait_until_there_is_room() -> None:
    shared, order = Room(10, 20), []
    entered, leave = threading.Event(), threading.Event()

    def work(name: str, pixels: int) -> None:
        with shared.share():
            shared.take(pixels)
            order.append(name)
            entered.set()
            leave.wait(PATIENCE)

    first = threading.Thread(target=work, args=("large", 15))
    first.start()
    assert entered.wait(PATIENCE)
    second = threading.Thread(target=work, args=("small", 1))
    second.start()
    second.join(0.2)
    assert second.is_alive() and order == ["large"]
    leave.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    assert order == ["large", "small"]


def test_those_that_wait_for_each_other_go_on_one_after_the_other() -> None:
    shared, done = Room(10, 20), []
    together = threading.Barrier(3)

    def work(name: int) -> None:
        with shared.share():
            shared.take(1)
            together.wait(PATIENCE)
            shared.take(15)
            done.append(name)

    threads = [threading.Thread(target=work, args=(name,), daemon=True) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(done) == [0, 1, 2]


def test_pixels_may_need_more_than_usual() -> None:
    shared = Room(10, 20)
    with pytest.raises(MemoryError, match="memory for 8 pixels"), shared.share(2.5):
        shared.take(8)
        shared.take(9)


def test_processes_of_one_machine_divide_the_room_for_several_pictures() -> None:
    shared = Room(10, 20)
    shared.divide(4)
    assert (shared.together, shared.alone) == (2, 20)


def test_what_never_has_room_is_refused_at_once() -> None:
    with pytest.raises(MemoryError):
        Room(10, 20).take(21)
    Room(10, 20).take(20)


def test_room_is_given_back_whatever_is_raised() -> None:
    shared = Room(10, 10)
    for _ in range(3):
        with pytest.raises(KeyError), shared.share():
            shared.take(10)
            raise KeyError


def test_the_memory_is_that_of_the_machine_or_less() -> None:
    assert 1 << 28 < find_memory() < 1 << 50


@pytest.mark.parametrize(
    ("own", "limits", "wanted"),
    [
        (
            "0::/user.slice/run.scope\n",
            {"memory.max": "max", "user.slice/run.scope/memory.max": "500000000"},
            500000000,
        ),
        ("0::/user.slice/run.scope\n", {"user.slice/memory.max": "400000000", "other/memory.max": "1"}, 400000000),
        ("0::/\n", {"memory.max": "300000000\n"}, 300000000),
        ("9:name=systemd:/\n4:cpu,memory:/job\n0::/\n", {"memory/job/memory.limit_in_bytes": "200000000"}, 200000000),
        ("4:memory:/docker/hidden\n", {"memory/memory.limit_in_bytes": "100000000"}, 100000000),
    ],
)
def test_the_memory_is_that_of_the_control_group_or_of_one_above(
    own: str, limits: dict[str, str], wanted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, limit in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(limit)
    (tmp_path / "own").write_text(own)
    monkeypatch.setattr(room, "_CGROUPS", tmp_path)
    monkeypatch.setattr(room, "_OWN_CGROUPS", tmp_path / "own")
    assert find_memory() == wanted


def test_files_are_read_up_to_a_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_bytes(path) == b"12345"
    monkeypatch.setattr(room, "MAX_BYTES", 4)
    with pytest.raises(ImageError, match="too large"):
        read_bytes(path)
