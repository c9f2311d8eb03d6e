"""A model that is as small as can be, for tests to spoil; and what is said of one that is spoilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facelm.engines.open import open_engine
from facelm.engines.weights import ModelError, ModelInfo

INFO = ModelInfo("mobilenet_v2", (16, 16, 8, 8, 8), 64, data=("drawn/faces",))
WEIGHT = np.random.default_rng(0).normal(0, 0.01, (19, 3, 1, 1)).astype(np.float32)
"""Of an ONNX copy, which has one layer."""


def refusal(path: Path) -> str:
    """What is said of a model file that is not opened: one short line, which names it or its copy."""
    with pytest.raises(ModelError) as caught:
        open_engine(str(path), "cpu")
    told = str(caught.value)
    assert told.startswith(str(path.with_suffix(""))), told
    assert len(told.splitlines()) == 1 and len(told) < 500, told
    return told
