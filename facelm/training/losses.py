"""The training loss: Dice and cross-entropy, for whole and for coarser labels, and what a teacher says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from facelm import classes

_WEIGHTS = {"neck_l": 4.0, "ear_r": 2.0}
_EPSILON = 1e-7


class DiceCrossEntropy(nn.Module):
    """Sum of the Dice loss (over classes that occur in the batch) and the cross-entropy.

    Cross-entropy makes every pixel count, Dice every class: an eye weighs as much as the hair. Necklaces and
    earrings, a few pixels in a few pictures, weigh more in the cross-entropy, or they are never predicted.
    A pixel that has one of several classes (`classes.one_of`) is right in any of them. With a teacher, the
    Kullback-Leibler divergence from its probabilities is added, also where labels are unknown.

    Args:
        total: Sums a tensor over the processes that share the batch.
    """

    def __init__(self, total: Callable[[Tensor], Tensor] = lambda sums: sums) -> None:
        super().__init__()
        self.total = total
        weights = torch.ones(len(classes.CLASSES))
        for name, weight in _WEIGHTS.items():
            weights[classes.INDEX[name]] = weight
        self.register_buffer("weights", weights)

    def forward(self, logits: Tensor, target: Tensor, taught: Tensor | None = None) -> Tensor:
        """Compute the loss.

        Args:
            logits: (N, 19, H, W), floating point.
            target: (N, H, W) training labels, int64; 255 is ignored.
            taught: (N, 19, H / 2, W / 2) probabilities of every second pixel (see `facelm.training.teacher`), if any.

        Returns:
            A scalar, float32.
        """
        logits = logits.float()
        partial = target >= classes.PARTIAL
        exact = target.masked_fill(partial, classes.IGNORE)
        local = _Sums.apply(logits, exact, self.get_buffer("weights"), taught)
        cross_entropy, divergence = local[-2:]
        if bool(partial.any()):
            cross_entropy = cross_entropy + _partial_cross_entropy(logits.permute(0, 2, 3, 1)[partial], target[partial])
        sampled = exact[..., ::2, ::2]
        true = torch.bincount(sampled[sampled != classes.IGNORE], minlength=logits.shape[1])
        known, pixels = (target != classes.IGNORE).sum(), taught[:, 0].numel() if taught is not None else 0
        means = torch.stack([cross_entropy, known, divergence, logits.new_tensor(pixels)])
        sums = self.total(torch.cat([local[:-2], true, means]))
        return _dice_loss(sums[:-4]) + sums[-4] / sums[-3].clamp(min=1) + sums[-2] / sums[-1].clamp(min=1)


class _Sums(torch.autograd.Function):
    """What is summed over the pixels, with the gradient in closed form.

    Step by step, autograd would make an array as large as the logits for each sum and add them up: a tenth of a
    training step on the CPU. Of Dice and of what the teacher says every fourth pixel is an estimate that will do.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, weights: Tensor, taught: Tensor | None) -> Tensor:
        """For each class the probability on its own pixels, and in all; cross-entropy and divergence: (40,) float32.

        Args:
            ctx: Keeps what the gradient needs.
            logits: (N, 19, H, W) float32.
            target: (N, H, W) class indices, int64; 255 is left out.
            weights: (19,) of the classes in the cross-entropy.
            taught: As for the loss.
        """
        known = target != classes.IGNORE
        index = (target * known)[:, None]
        weight = weights[index] * known[:, None]
        logs = logits.log_softmax(1)
        cross_entropy = -(logs.gather(1, index) * weight).sum()
        sampled, index_sampled = logs[..., ::2, ::2], index[..., ::2, ::2]
        divergence = logits.new_zeros(())
        if taught is not None:
            divergence = nn.functional.kl_div(sampled, taught, reduction="sum")
        probabilities = sampled.exp() * known[:, None, ::2, ::2]
        right = probabilities.gather(1, index_sampled)
        overlap = logits.new_zeros(logits.shape[1]).index_add(0, index_sampled.flatten(), right.flatten())
        ctx.save_for_backward(logs, index, weight, known, taught)
        means = torch.stack([cross_entropy, divergence])
        return torch.cat([overlap, probabilities.sum((0, 2, 3)), means])

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, None, None, None]:
        """The gradient of the logits, from that of the sums.

        A probability p of class k moves with the logit of class j by p_k (1 - p_j) where they are the same, else by
        - p_k p_j.
        """
        logs, index, weight, known, taught = ctx.saved_tensors
        count = logs.shape[1]
        gradient = logs.exp()
        own, every, (cross_entropy, divergence) = slopes[:count], slopes[count : 2 * count], slopes[-2:]
        index_sampled = index[..., ::2, ::2]
        sampled = gradient[..., ::2, ::2].clone()
        from_teacher = divergence * (sampled - taught) if taught is not None else None
        sampled *= known[:, None, ::2, ::2]
        right = sampled.gather(1, index_sampled) * own[index_sampled]
        mean = torch.einsum("nchw,c->nhw", sampled, every)[:, None] + right
        sampled *= every.view(1, -1, 1, 1) - mean
        sampled.scatter_add_(1, index_sampled, right)
        if from_teacher is not None:
            sampled += from_teacher
        weight = weight * cross_entropy
        gradient *= weight
        gradient.scatter_add_(1, index, -weight)
        gradient[..., ::2, ::2] += sampled
        return gradient, None, None, None


def _dice_loss(sums: Tensor) -> Tensor:
    """One minus the soft Dice coefficient (V-Net, 3DV 2016), averaged over classes; an absent one counts 0."""
    overlap, predicted, true = sums.view(3, -1)
    dice = 2 * overlap / (predicted + true).clamp(min=_EPSILON)
    return ((1 - dice) * (true > 0)).mean()


def _partial_cross_entropy(logits: Tensor, sets: Tensor) -> Tensor:
    """Minus the logarithm of the summed probability of each pixel's classes; (P, 19) logits, (P,) labels."""
    bits = torch.arange(logits.shape[1], device=sets.device)
    members = ((sets - classes.PARTIAL)[:, None] >> bits) & 1
    allowed = logits.masked_fill(members == 0, float("-inf"))
    return (logits.logsumexp(1) - allowed.logsumexp(1)).sum()
