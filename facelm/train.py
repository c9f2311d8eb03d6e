"""Training: the loop, its configuration, its checkpoint and what it reports."""

from __future__ import annotations

import csv
import json
import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset, Sampler

from facelm import augment, classes, data, images, model
from facelm.curves import draw_curves
from facelm.losses import DiceCrossEntropy
from facelm.metrics import ConfusionMatrix, Scores
from facelm.scenes import SceneMaker

_SCENE_CHANCE = 0.5
_VALIDATION_FRACTION = 0.1
_WARM_UP = 0.05
_EMA_DECAY = 0.998
_WEIGHT_DECAY = 0.01
_GRADIENT_NORM = 1.0
_SECONDS_TO_SAVE = 10.0


class TrainError(Exception):
    """A run that cannot be started or resumed."""


@dataclass(frozen=True)
class TrainConfig:
    """What a training run is made of; kept in the run's folder as ``config.json``.

    Attributes:
        data: Data folders.
        out: The run's folder.
        val: Data folders to validate on; without any, a tenth of each data folder is held out.
        backgrounds: Folders of photos without people; with any, every second sample is a pasted scene.
        encoder: Any encoder of segmentation_models_pytorch.
        init: Local file of start weights.
        pretrained: Download ImageNet weights for the encoder.
        epochs: Passes over the training data.
        size: Width and height of a training picture, pixels; a multiple of 32.
        batch: Pictures in a step.
        lr: Highest learning rate.
        seed: Seed of the start weights, the split, the order and the augmentation.
        workers: Processes that prepare pictures.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    data: tuple[str, ...]
    out: str
    val: tuple[str, ...] = ()
    backgrounds: tuple[str, ...] = ()
    encoder: str = "resnet50"
    init: str | None = None
    pretrained: bool = False
    epochs: int = 60
    size: int = 256
    batch: int = 16
    lr: float = 1e-3
    seed: int = 0
    workers: int = 2
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.size % 32 or self.size <= 0:
            raise TrainError(f"--size {self.size}: wanted is a multiple of 32")
        if min(self.epochs, self.batch) < 1 or self.lr <= 0 or self.workers < 0:
            raise TrainError("--epochs, --batch and --lr must be above zero, --workers not below")

    @classmethod
    def load(cls, run: Path) -> TrainConfig:
        """Read the configuration of a run's folder.

        Raises:
            TrainError: The folder holds no run.
        """
        try:
            values = json.loads((run / "config.json").read_text())
            return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
        except (OSError, ValueError, TypeError) as error:
            raise TrainError(f"{run}: holds no run that can be resumed ({error})") from error


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


Event = Step | Epoch | Checking


class TrainingSet(Dataset[tuple[Tensor, Tensor]]):
    """Augmented samples, each a function of (seed, epoch, index) alone, so that a run can be resumed anywhere."""

    def __init__(self, examples: Sequence[data.Example], scenes: SceneMaker | None, size: int, seed: int) -> None:
        self.examples = examples
        self.scenes = scenes
        self.seed = seed
        self.geometric = augment.geometric(size)
        self.photometric = augment.photometric()

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Sample ``index`` of ``epoch``: RGB (3, size, size) uint8 and class indices (size, size) int64."""
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        self.geometric.set_random_seed(int(rng.integers(2**31)))
        self.photometric.set_random_seed(int(rng.integers(2**31)))
        if self.scenes and rng.random() < _SCENE_CHANCE:
            rgb, mask = self.scenes.make(rng)
        else:
            rgb, mask = self.examples[index].read()
            warped = self.geometric(image=rgb, mask=mask)
            rgb, mask = warped["image"], warped["mask"]
        changed = self.photometric(image=rgb, mask=mask)
        return _to_tensor(changed["image"]), torch.from_numpy(changed["mask"]).long()


class ValidationSet(Dataset[tuple[Tensor, Tensor]]):
    """Portraits as they are, resized; masks at their own size."""

    def __init__(self, examples: Sequence[data.Example], size: int) -> None:
        self.examples = examples
        self.size = size

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """RGB (3, size, size) uint8 and class indices (H, W) uint8."""
        rgb, mask = self.examples[index].read()
        rgb = cv2.resize(rgb, (self.size, self.size), interpolation=cv2.INTER_AREA).astype(np.uint8)
        return _to_tensor(rgb), torch.from_numpy(mask)


class Order(Sampler[tuple[int, int]]):
    """The order of one epoch, fixed by seed and epoch; the last samples that do not fill a batch are dropped."""

    def __init__(self, count: int, batch: int, seed: int, epoch: int, first_step: int) -> None:
        self.keys = [(epoch, int(i)) for i in np.random.default_rng((seed, epoch)).permutation(count)]
        self.keys = self.keys[first_step * batch : count // batch * batch]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)


class Run:
    """One training run: everything that a checkpoint must hold, and the loop over it.

    Args:
        config: What to train.
        resume: Go on from ``last.ckpt`` in the run's folder.
        on_event: Called with each step and epoch.
        should_stop: Asked after each step; when it says yes, the run ends cleanly with a checkpoint.

    Raises:
        TrainError: The run's folder holds a run already, or none that can be resumed.
        facelm.data.DataError: The data cannot be used.
        facelm.model.ModelError: The encoder, device or start weights cannot be used.
    """

    def __init__(
        self,
        config: TrainConfig,
        resume: bool = False,
        on_event: Callable[[Event], None] = lambda event: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.config = config
        self.on_event = on_event
        self.should_stop = should_stop
        self.folder = Path(config.out)
        if not resume and (self.folder / "last.ckpt").exists():
            raise TrainError(f"{self.folder}: holds a run already; give --resume {self.folder}, or another --out")
        self.device = model.pick_device(config.device)
        torch.manual_seed(config.seed)
        self.info = model.describe(config.encoder, config.size, tuple(Path(d).name for d in config.data))
        self.network = model.build(self.info, config.pretrained and not resume)
        if config.init and not resume:
            model.initialise(self.network, Path(config.init))
        self.network.to(self.device, memory_format=torch.channels_last)
        self._load_data()
        self.average = AveragedModel(self.network, avg_fn=_average, use_buffers=True)
        self.loss = DiceCrossEntropy()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), config.lr, weight_decay=_WEIGHT_DECAY)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._learning_rate)
        self.precision = _pick_precision(self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        self.epoch, self.step = 0, 0
        self.loss_sum = 0.0
        self.best_f1 = -1.0
        self.history: list[dict[str, float]] = []
        if resume:
            self._load_checkpoint()
        else:
            self._write_text("config.json", json.dumps(asdict(config), indent=2))

    def _load_data(self) -> None:
        config = self.config
        train: list[data.Example] = []
        held_out: list[data.Example] = []
        for folder in config.data:
            examples = data.find(Path(folder))
            rest, val = (examples, []) if config.val else data.split(examples, _VALIDATION_FRACTION, config.seed)
            train += rest
            held_out += val
        for folder in config.val:
            held_out += data.find(Path(folder))
        data.check(train + held_out, lambda done, all_: self.on_event(Checking(done, all_)))
        backgrounds = [path for folder in config.backgrounds for path in data.find_pictures(Path(folder))]
        if config.backgrounds and not backgrounds:
            raise data.DataError(f"--backgrounds {', '.join(config.backgrounds)}: no pictures")
        self.steps = len(train) // config.batch
        if not self.steps:
            raise data.DataError(f"{len(train)} training examples do not fill a batch of {config.batch}")
        scenes = SceneMaker(train, backgrounds, config.size) if backgrounds else None
        self.training_set = TrainingSet(train, scenes, config.size, config.seed)
        self.validation = DataLoader(
            ValidationSet(held_out, config.size),
            collate_fn=list,
            num_workers=config.workers,
            worker_init_fn=_start_worker,
        )

    def _learning_rate(self, step: int) -> float:
        """Share of the highest learning rate: a linear warm-up, then half a cosine down to a hundredth."""
        total = self.config.epochs * self.steps
        warm_up = max(1, round(_WARM_UP * total))
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, total - warm_up))))

    def train(self, max_minutes: float | None = None) -> bool:
        """Train until the last epoch is done, the time is up, or ``should_stop`` says so.

        Args:
            max_minutes: End before this many minutes are over, counted from the call.

        Returns:
            True when the last epoch is done; False when there is more to resume. A checkpoint is there either way.
        """
        deadline = time.monotonic() + 60 * max_minutes if max_minutes else math.inf
        seconds_to_validate = 0.0
        while self.epoch < self.config.epochs:
            if not self._train_epoch(deadline):
                self._save_checkpoint()
                return False
            if time.monotonic() + seconds_to_validate + _SECONDS_TO_SAVE > deadline:
                self._save_checkpoint()
                return False
            started = time.monotonic()
            self._finish_epoch()
            seconds_to_validate = time.monotonic() - started
            self._save_checkpoint()
        return True

    def _train_epoch(self, deadline: float) -> bool:
        """Train the rest of the epoch; False when it had to stop before its end."""
        self.network.train()
        order = Order(
            len(self.training_set.examples), self.config.batch, self.config.seed, self.epoch, self.step
        )
        loader = DataLoader(
            self.training_set,
            batch_size=self.config.batch,
            sampler=order,
            num_workers=self.config.workers,
            worker_init_fn=_start_worker,
            pin_memory=self.device.type == "cuda",
        )
        started, first, longest = time.monotonic(), self.step, 0.0
        for rgb, mask in loader:
            before = time.monotonic()
            self.loss_sum += self._train_step(rgb, mask)
            self.step += 1
            now = time.monotonic()
            longest = max(longest, now - before, (now - started) / (self.step - first))
            rate = (self.step - first) / (now - started)
            steps_left = (self.config.epochs - self.epoch) * self.steps - self.step
            self.on_event(
                Step(
                    self.epoch + 1,
                    self.config.epochs,
                    self.step,
                    self.steps,
                    self.loss_sum / self.step,
                    rate * self.config.batch,
                    steps_left / rate,
                )
            )
            if self.should_stop() or now + 2 * longest + _SECONDS_TO_SAVE > deadline:
                return False
        return True

    def _train_step(self, rgb: Tensor, mask: Tensor) -> float:
        rgb = rgb.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        mask = mask.to(self.device, non_blocking=True)
        with self._autocast():
            logits = self.network(self.info.normalise(rgb))
        loss = self.loss(logits, mask)
        if not bool(torch.isfinite(loss)):
            raise TrainError(f"the loss is {loss.item()} in epoch {self.epoch + 1}: try a smaller --lr")
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), _GRADIENT_NORM)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.schedule.step()
        self.average.update_parameters(self.network)
        return float(loss.item())

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32)

    def _finish_epoch(self) -> None:
        """Validate the averaged weights, report, and keep them if they are the best yet."""
        val_loss, scores = self.validate()
        best = scores.mean_f1 > self.best_f1
        row: dict[str, float] = {
            "epoch": self.epoch + 1,
            "train_loss": self.loss_sum / max(1, self.step),
            "val_loss": val_loss,
            "pixel_accuracy": scores.pixel_accuracy,
            "mean_iou": scores.mean_iou,
            "mean_f1": scores.mean_f1,
        }
        row |= {f"f1_{name}": value for name, value in zip(classes.NAMES, scores.f1, strict=True)}
        self.history.append(row)
        if best:
            self.best_f1 = scores.mean_f1
            kept = {name: round(row[name], 4) for name in ("pixel_accuracy", "mean_iou", "mean_f1")}
            info = replace(self.info, scores=kept)
            model.save_model(self.average.module, info, self.folder / "best.safetensors")
        self._write_history()
        report = Epoch(self.epoch + 1, self.config.epochs, row["train_loss"], val_loss, scores, best)
        self.epoch, self.step, self.loss_sum = self.epoch + 1, 0, 0.0
        self.on_event(report)

    @torch.inference_mode()
    def validate(self) -> tuple[float, Scores]:
        """Score the averaged weights on the validation data, at the size of its masks: (mean loss, scores)."""
        network = self.average.module.eval()
        matrix, losses = ConfusionMatrix(), []
        for batch in self.validation:
            for rgb, mask in batch:
                with self._autocast():
                    logits = network(self.info.normalise(rgb[None].to(self.device)))
                logits = nn.functional.interpolate(logits.float(), mask.shape, mode="bilinear")
                target = mask[None].long().to(self.device)
                if bool((target != classes.IGNORE).any()):
                    losses.append(float(self.loss(logits, target)))
                matrix.add(mask.numpy(), logits.argmax(1)[0].to("cpu", torch.uint8).numpy())
        return float(np.mean(losses)), matrix.scores()

    def _save_checkpoint(self) -> None:
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        optimizer = self.optimizer.state_dict()
        for index, values in optimizer["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
        tensors["random"] = torch.get_rng_state()
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "loss_sum": self.loss_sum,
            "best_f1": self.best_f1,
            "history": self.history,
            "schedule": self.schedule.last_epoch,
            "scaler": self.scaler.state_dict(),
        }
        tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
        with images.atomic_path(self.folder / "last.ckpt") as temporary:
            temporary.write_bytes(save(tensors, {"state": json.dumps(state)}))

    def _load_checkpoint(self) -> None:
        path = self.folder / "last.ckpt"
        try:
            with safe_open(path, "pt") as file:
                state: dict[str, Any] = json.loads(file.metadata()["state"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            self.network.load_state_dict(_below(tensors, "network."))
            self.average.load_state_dict(_below(tensors, "average."))
            self._load_optimizer(_below(tensors, "optimizer."), int(state["schedule"]))
            self.scaler.load_state_dict(state["scaler"])
            torch.set_rng_state(tensors["random"])
            self.epoch, self.step = int(state["epoch"]), int(state["step"])
            self.loss_sum, self.best_f1 = float(state["loss_sum"]), float(state["best_f1"])
            self.history = state["history"]
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise TrainError(f"{path}: not a checkpoint of this run ({error})") from error

    def _load_optimizer(self, tensors: dict[str, Tensor], step: int) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            index, key = name.split(".")
            state.setdefault(int(index), {})[key] = value
        whole = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
        self.schedule.last_epoch = step
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * self._learning_rate(step)

    def _write_history(self) -> None:
        with images.atomic_path(self.folder / "history.csv") as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.history[0]))
            writer.writeheader()
            writer.writerows(self.history)
        draw_curves(self.history, self.folder / "curves.png")

    def _write_text(self, name: str, text: str) -> None:
        with images.atomic_path(self.folder / name) as temporary:
            temporary.write_text(text + "\n")


def _to_tensor(rgb: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _average(averaged: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
    """Exponential moving average whose memory grows with the run, so that short runs are averaged sensibly too."""
    decay = min(_EMA_DECAY, (1 + float(count)) / (10 + float(count)))
    return averaged * decay + current * (1 - decay)


def _pick_precision(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return torch.float32


def _start_worker(worker: int) -> None:
    """Workers leave Ctrl-C to the loop, which ends cleanly, and use one thread each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
