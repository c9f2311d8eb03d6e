from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from facelm.engines import model
from facelm.engines.weights import ModelError
from facelm.training.config import TrainConfig
from facelm.training.losses import DiceCrossEntropy
from facelm.training.teacher import Teachers
from facelm.training.train import Run

CPU = torch.device("cpu")


def test_it_gives_probabilities_of_every_second_pixel() -> None:
    rgb = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    taught = Teachers(["lite"], CPU).teach(rgb)
    assert taught.shape == (2, 19, 32, 48)
    assert not taught.requires_grad
    torch.testing.assert_close(taught.sum(1), torch.ones(2, 32, 48))
    network, info = model.load_model("lite", CPU)
    expected = network(model.normalise(info, rgb)).softmax(1)[..., ::2, ::2]
    assert (taught - expected).abs().max() < 0.2
    assert (taught.argmax(1) == expected.argmax(1)).float().mean() > 0.97


def test_several_teachers_give_their_mean(tmp_path: Path) -> None:
    info = model.describe("mobilenet_v2", 64)
    model.save_model(model.build(info), info, tmp_path / "other.safetensors")
    rgb = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    names = ["lite", str(tmp_path / "other.safetensors")]
    apart = [Teachers([name], CPU).teach(rgb) for name in names]
    assert (apart[0] - apart[1]).abs().max() > 0.1
    torch.testing.assert_close(Teachers(names, CPU).teach(rgb), (apart[0] + apart[1]) / 2)


def test_who_agrees_with_the_teacher_pays_only_for_the_labels() -> None:
    logits = torch.randn(2, 19, 16, 16, generator=torch.Generator().manual_seed(0))
    target = torch.randint(0, 19, (2, 16, 16), generator=torch.Generator().manual_seed(1))
    loss = DiceCrossEntropy()
    alone = float(loss(logits, target))
    same = logits[..., ::2, ::2].softmax(1)
    assert float(loss(logits, target, same)) == pytest.approx(alone, abs=1e-5)
    other = same.roll(1, 1)
    divergence = float((other * (other / same).log()).sum(1).mean())
    assert float(loss(logits, target, other)) == pytest.approx(alone + divergence, rel=1e-5)


def test_a_student_learns_what_only_its_teacher_knows() -> None:
    """All labels are unknown, so what it learns it has from the teacher."""
    taught = torch.zeros(1, 19, 8, 8)
    taught[:, 4] = 0.75
    taught[:, 7] = 0.25
    logits = nn.Parameter(torch.zeros(1, 19, 16, 16))
    loss = DiceCrossEntropy()
    optimizer = torch.optim.Adam([logits], 0.3)
    for _ in range(100):
        optimizer.zero_grad()
        loss(logits, torch.full((1, 16, 16), 255), taught).backward()
        optimizer.step()
    learned = logits.detach().softmax(1)[0, :, ::2, ::2]
    torch.testing.assert_close(learned[4], torch.full((8, 8), 0.75), atol=0.02, rtol=0)
    torch.testing.assert_close(learned[7], torch.full((8, 8), 0.25), atol=0.02, rtol=0)


def test_a_run_with_a_teacher(faces: Path, tmp_path: Path) -> None:
    config = TrainConfig(
        (str(faces),), str(tmp_path / "alone"), encoder="mobilenet_v2", epochs=1, size=32, batch=4, workers=0
    )
    taught = replace(config, out=str(tmp_path / "taught"), teacher=("lite",))
    alone, led = Run(config), Run(taught)
    assert alone.train() and led.train()
    # The untrained network is as good with the labels alone; the teacher's opinion comes on top.
    assert led.history[0]["train_loss"] > alone.history[0]["train_loss"] + 0.5
    assert TrainConfig.load(tmp_path / "taught") == taught


def test_an_unknown_teacher_is_named(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nobody"):
        Run(TrainConfig((str(faces),), str(tmp_path / "run"), encoder="mobilenet_v2", size=32, teacher=("nobody",)))
