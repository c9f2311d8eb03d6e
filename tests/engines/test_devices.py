from __future__ import annotations

import pytest
import torch

from facelm.engines import devices
from facelm.engines.weights import ModelError

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("there", "best"), [({"cuda", "mps"}, "cuda"), ({"mps"}, "mps"), (set(), "cpu")], ids=["cuda", "mps", "neither"]
)
def test_auto_picks_what_is_there(monkeypatch: pytest.MonkeyPatch, there: set[str], best: str) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: "cuda" in there)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: "mps" in there)
    assert devices.pick_device("auto").type == best
    assert devices.pick_device("cpu") == CPU


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "meta"])
def test_an_unknown_device_says_what_is_wanted(name: str) -> None:
    with pytest.raises(ModelError, match=f"--device {name}: unknown; wanted is one of auto, cpu, cuda, mps"):
        devices.pick_device(name)


def test_a_device_that_is_not_there() -> None:
    absent = "cuda:99" if torch.cuda.is_available() else "cuda"
    with pytest.raises(ModelError, match=f"--device {absent}: not available on this machine"):
        devices.pick_device(absent)


@pytest.mark.parametrize(("has", "precision"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_cpu_trains_in_a_precision_it_has(
    monkeypatch: pytest.MonkeyPatch, has: bool, precision: torch.dtype
) -> None:
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: has)
    assert devices.pick_precision(CPU) == precision
