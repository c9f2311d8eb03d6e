"""The training loss: Dice and cross-entropy, for whole and for coarser labels, and what a teacher says."""

from __future__ import annotations

from collections.abc import Callable

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
            taught: (N, 19, H / 2, W / 2) probabilities of every second pixel (`facelm.teacher.Teachers`), if any.

        Returns:
            A scalar, float32.
        """
        logits = logits.float()
        partial = target >= classes.PARTIAL
        exact = target.masked_fill(partial, classes.IGNORE)
        cross_entropy = nn.functional.cross_entropy(
            logits, exact, self.get_buffer("weights"), ignore_index=classes.IGNORE, reduction="sum"
        )
        if bool(partial.any()):
            cross_entropy = cross_entropy + _partial_cross_entropy(logits.permute(0, 2, 3, 1)[partial], target[partial])
        known = (target != classes.IGNORE).sum()
        # Dice is a ratio of sums over the batch: every fourth pixel estimates it at a quarter of the time,
        # which at full density would be a fifth of a training step on the CPU.
        dice_sums = _dice_sums(logits[..., ::2, ::2], exact[..., ::2, ::2])
        divergence, pixels = logits.new_zeros(()), logits.new_zeros(())
        if taught is not None:
            divergence = nn.functional.kl_div(logits[..., ::2, ::2].log_softmax(1), taught, reduction="sum")
            pixels = pixels + taught[:, 0].numel()
        means = torch.stack([cross_entropy, known.float(), divergence, pixels])
        sums = self.total(torch.cat([dice_sums, means]))
        return _dice_loss(sums[:-4]) + sums[-4] / sums[-3].clamp(min=1) + sums[-2] / sums[-1].clamp(min=1)


def _dice_sums(logits: Tensor, target: Tensor) -> Tensor:
    """For each class the probability on its own pixels, the probability in all, and its pixels: (57,) float32.

    Args:
        logits: (N, 19, H, W) float32.
        target: (N, H, W) class indices, int64; 255 is left out.
    """
    known = target != classes.IGNORE
    probabilities = logits.softmax(1) * known[:, None]
    index = target * known
    # The sums of each class over its own pixels, without an array as large as the probabilities for the truth.
    right = probabilities.gather(1, index[:, None]).flatten()
    overlap = logits.new_zeros(logits.shape[1]).index_add(0, index.flatten(), right)
    true = torch.bincount(target[known], minlength=logits.shape[1])
    return torch.cat([overlap, probabilities.sum((0, 2, 3)), true.float()])


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
