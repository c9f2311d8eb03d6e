from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest
from common import ROOT

from facelm.engines.graphs import OPERATORS, check_graph

LITE = ROOT / "weights/lite.safetensors"


@pytest.mark.parametrize("name", ["lite.onnx", "lite.int8.onnx", "resnet50.onnx"])
def test_what_is_shipped_could_come_from_anybody(name: str) -> None:
    path = ROOT / "weights" / name
    assert check_graph(path, path.with_name(f"{name.split('.')[0]}.safetensors"))


def test_what_export_writes_is_a_plain_network(exported: Path) -> None:
    assert check_graph(exported, exported.with_suffix(".safetensors"))


def test_a_copy_of_other_weights_is_told_from_one_of_these(copy: Path) -> None:
    path = Path(shutil.copy(LITE.with_suffix(".onnx"), copy.parent))
    copy.write_bytes(LITE.read_bytes()[:-2] + b"\0\0")
    assert not check_graph(path, copy)


def test_operators_are_onnx_ones_in_order_and_none_runs_others() -> None:
    assert list(OPERATORS) == sorted(OPERATORS)
    for name in OPERATORS:
        kinds = {each.type for each in onnx.defs.get_schema(name).attributes.values()}
        assert onnx.defs.OpSchema.AttrType.GRAPH not in kinds
