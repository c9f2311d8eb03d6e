"""The configuration of a training run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from facelm.engines.weights import ENCODER, SIZE
from facelm.pictures import values
from facelm.pictures.texts import read_text

_NAME = values.text(r"(?s)[^\0]+", "a name")
_NAMES = values.several(_NAME)
_OR_NONE = values.either(values.choice(None), _NAME)
_RULES = {
    "data": values.several(_NAME, 1),
    "out": values.text(r"(?s)[^\0]*", "the name of a folder"),
    "val": _NAMES,
    "classes": _OR_NONE,
    "encoder": ENCODER,
    "init": _OR_NONE,
    "pretrained": values.choice(False, True),
    "teacher": _NAMES,
    "epochs": values.whole(1, 1_000_000),
    "size": SIZE,
    "batch": values.whole(1, 1 << 16),
    "lr": values.number(1e-12, 1e30),
    "seed": values.whole(0, 2**63 - 1),
    "workers": values.whole(0, 1024),
    "patience": values.either(values.choice(None), values.whole(1, 1_000_000)),
    "tensorboard": values.choice(False, True),
    "device": _NAME,
}
"""The one schema of what a run is made of, on the command line and in the folder of a run."""


class TrainError(Exception):
    """A run that cannot be started or resumed."""


@dataclass(frozen=True)
class TrainConfig:
    """What a training run is made of; kept in the run's folder as ``config.json``.

    Attributes:
        data: Data folders.
        out: The run's folder.
        val: Data folders to validate on; without any, a tenth of each data folder is held out.
        classes: What the values of masks stand for, in folders that have no ``classes.json``: the name of a known
            order, or such a file; None where they are class indices.
        encoder: Any encoder of segmentation_models_pytorch.
        init: Local file of start weights.
        pretrained: Download ImageNet weights for the encoder.
        teacher: Names or paths of models to learn from as well.
        epochs: Passes over the training data.
        size: Width and height of a training picture, pixels; a multiple of 32.
        batch: Pictures in a step.
        lr: Highest learning rate.
        seed: Seed of the start weights, the split, the order and the augmentation.
        workers: Processes that prepare pictures.
        patience: Epochs without a better mean F1 after which the run ends; None for never.
        tensorboard: Also write losses and scores for TensorBoard.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    data: tuple[str, ...]
    out: str
    val: tuple[str, ...] = ()
    classes: str | None = None
    encoder: str = "resnet50"
    init: str | None = None
    pretrained: bool = False
    teacher: tuple[str, ...] = ()
    epochs: int = 60
    size: int = 256
    batch: int = 16
    lr: float = 1e-3
    seed: int = 0
    workers: int = 2
    patience: int | None = None
    tensorboard: bool = False
    device: str = "auto"

    def __post_init__(self) -> None:
        try:
            values.check({each.name: getattr(self, each.name) for each in fields(self)}, _RULES, "--{}")
        except ValueError as error:
            raise TrainError(str(error)) from None
        if self.size == 32 and self.batch == 1:
            raise TrainError("--size 32 --batch 1: too little for batch normalisation; raise one of them")

    @classmethod
    def load(cls, run: Path) -> TrainConfig:
        """Read the configuration of a run's folder.

        Raises:
            TrainError: The folder holds no run.
        """
        try:
            read = values.as_tuples(values.parse_json(read_text(run / "config.json")))
            values.check(read, _RULES, "--{}")
            # The folder may have been moved, or the run started from another working directory.
            return cls(**read | {"out": str(run)})
        except (OSError, ValueError, TypeError) as error:
            raise TrainError(f"{run}: holds no run that can be resumed ({error})") from error
