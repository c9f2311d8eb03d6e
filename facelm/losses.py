"""The training loss: Dice and cross-entropy, as segmentation_models_pytorch has them."""

from __future__ import annotations

import segmentation_models_pytorch as smp
from torch import Tensor, nn

from facelm import classes


class DiceCrossEntropy(nn.Module):
    """Sum of the Dice loss (over classes that occur in the batch) and the cross-entropy.

    Cross-entropy makes every pixel count, Dice every class: an eye weighs as much as the hair.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dice = smp.losses.DiceLoss("multiclass", ignore_index=classes.IGNORE)
        self.cross_entropy = smp.losses.SoftCrossEntropyLoss(smooth_factor=0.0, ignore_index=classes.IGNORE)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            logits: (N, 19, H, W), floating point.
            target: (N, H, W) class indices, int64; 255 is ignored.

        Returns:
            A scalar, float32.
        """
        # Dice is a ratio of sums over the batch: every fourth pixel estimates it at a quarter of the time,
        # which at full density would be a fifth of a training step on the CPU.
        sparse, sparse_target = logits[..., ::2, ::2].float(), target[..., ::2, ::2]
        dice: Tensor = self.dice(sparse.contiguous(), sparse_target.contiguous())
        cross_entropy: Tensor = self.cross_entropy(logits.float(), target)
        return dice + cross_entropy
