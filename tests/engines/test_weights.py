from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from facelm import classes
from facelm.engines.weights import ModelError, ModelInfo, find_shipped, find_weights, fingerprint, read_info


def test_a_shipped_model_is_found_by_name_any_file_by_its_path(tmp_path: Path) -> None:
    assert {"lite", "resnet50"} <= set(find_shipped())
    assert find_weights("lite") == find_shipped()["lite"]
    (tmp_path / "own.safetensors").touch()
    assert find_weights(str(tmp_path / "own.safetensors")) == tmp_path / "own.safetensors"
    with pytest.raises(ModelError, match=r"colossal: no such file, and no shipped model .*lite, resnet50"):
        find_weights("colossal")


def test_shipped_models_say_what_they_are() -> None:
    for path in find_shipped().values():
        info = read_info(path)
        assert info.classes == classes.NAMES and info.size % 32 == 0 and info.data


def test_the_fingerprint_is_of_name_size_and_both_ends(tmp_path: Path) -> None:
    content = bytes(200_000)
    prints = set()
    for changed in (content, content + b"0", b"1" + content[1:], content[1:] + b"1"):
        (tmp_path / "a").write_bytes(changed)
        prints.add(fingerprint(tmp_path / "a"))
    prints.add(fingerprint((tmp_path / "a").rename(tmp_path / "b")))
    assert len(prints) == 5
    (tmp_path / "a").write_bytes(content)
    assert fingerprint(tmp_path / "a") in prints


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"encoder": "resnet18"}', '{"size": 64}'])
def test_a_text_that_is_no_description_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        ModelInfo.from_json(text)


def test_other_classes_are_a_value_error() -> None:
    info = ModelInfo("resnet18", (32, 16, 16, 8, 8), scores={"mean_f1": 0.5})
    with pytest.raises(ValueError, match="the 19 of CelebAMask-HQ"):
        ModelInfo.from_json(json.dumps(asdict(info) | {"classes": classes.NAMES[::-1]}))
    assert ModelInfo.from_json(json.dumps(asdict(info))) == info
