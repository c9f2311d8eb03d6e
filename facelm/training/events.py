"""What a training run reports as it goes on."""

from __future__ import annotations

from dataclasses import dataclass

from facelm.training.scores import Scores


@dataclass(frozen=True)
class Step:
    """Progress within an epoch: steps done and in all, mean loss so far, pictures a second, seconds left."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    images_per_second: float
    seconds_left: float


@dataclass(frozen=True)
class Epoch:
    """A finished epoch: its losses, its scores on the validation data, and whether they are the best yet."""

    epoch: int
    epochs: int
    train_loss: float
    val_loss: float
    scores: Scores
    best: bool


@dataclass(frozen=True)
class Checking:
    """Progress of the check of the data before training: examples checked, and in all."""

    checked: int
    examples: int


@dataclass(frozen=True)
class Missing:
    """Classes that no mask shows, of ``training``, so that the model will not know them, or of ``validation``."""

    masks: str
    names: tuple[str, ...]


Event = Step | Epoch | Checking | Missing
