from __future__ import annotations

import subprocess
import sys

import facelm


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_public_names_are_there() -> None:
    for name in facelm.__all__:
        assert getattr(facelm, name).__name__ == name
    assert not hasattr(facelm, "no_such_name")


def test_importing_the_package_and_the_command_line_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'cv2', 'segmentation_models_pytorch', 'albumentations', 'skimage'}"
    code = f"import sys, facelm, facelm.cli.app; print(sorted({heavy} & set(sys.modules)))"
    assert run(code) == "[]"
