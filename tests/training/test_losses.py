from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from facelm.classes import IGNORE, INDEX, NAMES, indices, one_of
from facelm.training.losses import DiceCrossEntropy


def random_target(seed: int = 0, side: int = 16) -> Tensor:
    return torch.randint(0, 19, (2, side, side), generator=torch.Generator().manual_seed(seed))


def logits_for(target: Tensor, height: float = 20.0) -> Tensor:
    known = target.where(target != IGNORE, torch.zeros_like(target))
    return height * nn.functional.one_hot(known, 19).permute(0, 3, 1, 2).float()


def test_perfect_logits_cost_nearly_nothing() -> None:
    target = random_target()
    loss = DiceCrossEntropy()(logits_for(target), target)
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    assert 0 <= float(loss) < 1e-4


def test_no_idea_costs_the_logarithm_of_the_classes() -> None:
    target = random_target()
    target[(target == INDEX["neck_l"]) | (target == INDEX["ear_r"])] = 0  # these two cost more
    loss = float(DiceCrossEntropy()(torch.zeros(2, 19, 16, 16), target))
    assert loss == pytest.approx(2.944 + (1 - 1 / 19) * 17 / 19, abs=0.03)


@given(st.integers(0, 1000), st.floats(0.1, 0.9))
@settings(max_examples=20)
def test_worse_logits_cost_more(seed: int, share: float) -> None:
    target = random_target(seed)
    wrong = torch.rand(target.shape, generator=torch.Generator().manual_seed(seed + 1)) < share
    mistaken = torch.where(wrong, (target + 1) % 19, target)
    loss = DiceCrossEntropy()
    right, half, all_wrong = (float(loss(logits_for(t), target)) for t in (target, mistaken, (target + 1) % 19))
    assert right < half < all_wrong
    assert float(loss(logits_for(target, 1.0), target)) > right


def test_ignored_pixels_change_nothing() -> None:
    target = random_target()
    target[:, 4:12, 4:12] = IGNORE
    ignored = (target == IGNORE)[:, None].expand(-1, 19, -1, -1)
    logits = torch.randn(2, 19, 16, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
    loss = DiceCrossEntropy()(logits, target)
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[ignored].any()
    assert (logits.grad[~ignored] != 0).any()
    other = torch.where(ignored, torch.full_like(logits, 7.0).detach() - logits.detach(), logits.detach())
    assert float(DiceCrossEntropy()(other, target)) == pytest.approx(float(loss.detach()), rel=1e-6)


def test_a_batch_of_nothing_but_unknown_costs_nothing() -> None:
    logits = torch.randn(2, 19, 16, 16, requires_grad=True)
    loss = DiceCrossEntropy()(logits, torch.full((2, 16, 16), IGNORE))
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_full(kind: torch.dtype) -> None:
    target = random_target()
    logits = torch.randn(2, 19, 16, 16).to(kind)
    loss = DiceCrossEntropy()(logits, target)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(DiceCrossEntropy()(logits.float(), target)))


def test_odd_sizes_will_do() -> None:
    target = random_target(side=16)[:, :15, :13]
    assert float(DiceCrossEntropy()(logits_for(target), target)) < 1e-4


def test_one_of_several_classes_is_right_in_any_of_them() -> None:
    lips = torch.full((2, 16, 16), one_of(indices("mouth", "u_lip", "l_lip")))
    costs = {name: float(DiceCrossEntropy()(logits_for(torch.full((2, 16, 16), INDEX[name])), lips)) for name in NAMES}
    assert {name for name, cost in costs.items() if cost < 1e-4} == {"mouth", "u_lip", "l_lip"}
    assert min(cost for name, cost in costs.items() if name not in ("mouth", "u_lip", "l_lip")) > 10


def test_the_probabilities_of_several_classes_add_up() -> None:
    pair = torch.full((1, 4, 4), one_of([1, 2]))
    loss = float(DiceCrossEntropy()(torch.zeros(1, 19, 4, 4), pair))
    assert loss == pytest.approx(np.log(19 / 2), rel=1e-5)


def test_the_known_pixels_share_the_cost() -> None:
    target = torch.full((2, 16, 16), INDEX["hair"])
    whole = float(DiceCrossEntropy()(torch.zeros(2, 19, 16, 16), target))
    target[:, :8] = IGNORE
    assert float(DiceCrossEntropy()(torch.zeros(2, 19, 16, 16), target)) == pytest.approx(whole, rel=1e-5)


def test_a_missed_necklace_costs_more_than_missed_skin() -> None:
    def cost(name: str) -> float:
        target = torch.full((1, 16, 16), INDEX["hair"])
        target[0, 1, 1] = INDEX[name]  # where Dice does not look
        return float(DiceCrossEntropy()(logits_for(torch.full((1, 16, 16), INDEX["hair"])), target))

    assert cost("neck_l") > 2 * cost("skin")


def test_the_gradient_is_that_of_the_definition() -> None:
    generator = torch.Generator().manual_seed(3)
    target = random_target(3)
    target[:, :3], target[0, 5:9, 5:9] = IGNORE, one_of([1, 2])
    taught = torch.rand(2, 19, 8, 8, generator=generator).softmax(1)
    logits = torch.randn(2, 19, 16, 16, generator=generator).requires_grad_()
    loss = DiceCrossEntropy()(logits, target, taught)
    (gradient,) = torch.autograd.grad(3 * loss, logits)

    weights = torch.ones(19)
    weights[INDEX["neck_l"]], weights[INDEX["ear_r"]] = 4, 2
    pair = target == one_of([1, 2])
    exact = target.masked_fill(pair, IGNORE)
    entropy = nn.functional.cross_entropy(logits, exact, weights, ignore_index=IGNORE, reduction="sum")
    entropy = entropy - logits.log_softmax(1)[:, 1:3].logsumexp(1)[pair].sum()
    every_second, sampled = logits[..., ::2, ::2], exact[..., ::2, ::2]
    known = sampled != IGNORE
    truth = nn.functional.one_hot(sampled * known, 19).permute(0, 3, 1, 2) * known[:, None]
    probabilities = every_second.softmax(1) * known[:, None]
    overlap, sizes = (probabilities * truth).sum((0, 2, 3)), (probabilities + truth).sum((0, 2, 3))
    dice = ((1 - 2 * overlap / sizes) * (truth.sum((0, 2, 3)) > 0)).mean()
    divergence = nn.functional.kl_div(every_second.log_softmax(1), taught, reduction="sum") / (2 * 8 * 8)
    wanted = dice + entropy / (target != IGNORE).sum() + divergence
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=1e-6)
    (wanted_gradient,) = torch.autograd.grad(3 * wanted, logits)
    assert torch.allclose(gradient, wanted_gradient, atol=1e-7, rtol=1e-4)
