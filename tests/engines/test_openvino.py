from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from common import ROOT
from numpy.typing import NDArray

from facelm.engines.open import open_engine
from facelm.engines.openvino import OpenVinoEngine, read
from facelm.engines.ways import EIGHT, SINGLE, VARIABLE
from facelm.engines.weights import WEIGHTS_KEY, ModelError, exported_path, fingerprint, quantised_path
from facelm.landmarks.find import find_landmarks
from facelm.parsing.parser import FaceParser

LITE = ROOT / "weights/lite.safetensors"


def test_a_damaged_export_is_named(copy: Path) -> None:
    copy.with_suffix(".onnx").write_bytes(LITE.with_suffix(".onnx").read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"lite\.onnx: cannot be read as ONNX .* facelm export .* again") as caught:
        open_engine(str(copy), "cpu")
    assert "\n" not in str(caught.value)


def test_late_layers_may_compute_in_eight_bits(astronaut: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    exact = FaceParser("lite", "cpu")
    exact.engine = OpenVinoEngine(read(exported_path(LITE)), SINGLE)
    expected = exact.parse(astronaut)[0]
    monkeypatch.setenv(VARIABLE, EIGHT)
    found = FaceParser("lite", "cpu").parse(astronaut)[0]
    off = np.abs(found.probabilities - expected.probabilities).mean()
    assert 1e-5 < off < 0.01
    assert (found.probabilities.argmax(0) == expected.probabilities.argmax(0)).mean() > 0.98
    assert np.abs(find_landmarks(found).points - find_landmarks(expected).points).max() < 2


def test_an_eight_bit_export_of_other_weights_is_not_used(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy.write_bytes(LITE.read_bytes()[:-2] + b"\0\0")
    export = onnx.load(exported_path(LITE), load_external_data=False)
    said = {entry.key: entry.value for entry in export.metadata_props}
    onnx.helper.set_model_props(export, said | {WEIGHTS_KEY: fingerprint(copy)})
    onnx.save(export, exported_path(copy))
    shutil.copy(quantised_path(LITE), quantised_path(copy))
    rgb = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    expected = OpenVinoEngine(read(exported_path(copy)), SINGLE).predict(rgb)
    monkeypatch.setenv(VARIABLE, EIGHT)
    np.testing.assert_array_equal(open_engine(str(copy), "cpu").predict(rgb), expected)


def test_a_damaged_eight_bit_export_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(exported_path(LITE), exported_path(copy))
    quantised_path(copy).write_bytes(quantised_path(LITE).read_bytes()[:5000])
    monkeypatch.setenv(VARIABLE, SINGLE)
    assert isinstance(open_engine(str(copy), "cpu"), OpenVinoEngine)
    monkeypatch.setenv(VARIABLE, EIGHT)
    with pytest.raises(ModelError, match=r"lite\.int8\.onnx: cannot be read as ONNX .* works without it"):
        open_engine(str(copy), "cpu")


def test_engines_that_come_and_go_leave_signals_alone() -> None:
    program = """if True:
        import gc, signal, subprocess
        from facelm.engines.open import open_engine
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        first, second = open_engine("lite", "cpu"), open_engine("lite", "cpu")
        del first
        gc.collect()
        del second
        gc.collect()
        for _ in range(3):
            subprocess.run(["true"], check=True)
    """
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no variable for where caches are")
def test_compiled_networks_are_kept_for_the_next_process(
    facelm: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def landmarks_with_cache(folder: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
        monkeypatch.setenv(VARIABLE, SINGLE)
        return facelm("landmarks", "sample_images/person.jpg", "--device", "cpu")

    def kept() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (tmp_path / "facelm").rglob("*.blob")}

    first = landmarks_with_cache(tmp_path)
    compiled = kept()
    assert len(compiled) == 3  # the parser, the finder, the landmark network
    second = landmarks_with_cache(tmp_path)
    assert kept() == compiled
    for number, path in enumerate(compiled):
        path.chmod(0o600)
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] if number else b"")
    third = landmarks_with_cache(tmp_path)
    assert len(kept()) == 3
    (tmp_path / "file").touch()
    without = landmarks_with_cache(tmp_path / "file")
    for run in (first, second, third, without):
        assert (run.returncode, run.stdout, run.stderr) == (0, first.stdout, "")
    assert first.stdout.count('"landmarks"') == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no variable for where caches are")
def test_models_of_the_same_layers_are_kept_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, SINGLE)
    for name in ("lite", "tiny", "lite"):
        open_engine(name, "cpu")
    assert [len(list(folder.glob("*.blob"))) for folder in (tmp_path / "facelm").iterdir()] == [1, 1]


def test_models_of_ones_own_are_not_kept(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copy(LITE.with_suffix(".onnx"), copy.with_suffix(".onnx"))
    open_engine(str(copy), "cpu")
    assert not list((tmp_path / "cache").rglob("*.blob"))
