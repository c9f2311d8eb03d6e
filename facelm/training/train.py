"""Training: the loop, and the files that a run leaves."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import Subset

from facelm import classes
from facelm.engines import devices, model
from facelm.pictures import files
from facelm.training import distributed
from facelm.training.checkpoint import load_checkpoint, save_checkpoint
from facelm.training.config import TrainConfig, TrainError
from facelm.training.curves import Board, draw_curves, is_stale, write_history
from facelm.training.events import Checking, Epoch, Event, Missing, Step
from facelm.training.losses import DiceCrossEntropy
from facelm.training.memory import keep_freed_memory
from facelm.training.samples import Order, alive_workers, find_samples, fingerprint, iterate, make_loader
from facelm.training.schedule import average, learning_rate
from facelm.training.scores import ConfusionMatrix, Scores
from facelm.training.teacher import Teachers

_WEIGHT_DECAY = 0.01
_GRADIENT_NORM = 1.0
_SECONDS_TO_SAVE = 10.0
_SECONDS_BETWEEN = 600.0  # checkpoints of a long epoch


class Run:
    """One training run: everything that a checkpoint must hold, and the loop over it.

    Args:
        config: What to train.
        resume: Go on from ``last.ckpt`` in the run's folder.
        on_event: Called with each step and epoch.
        should_stop: Asked after each step; when it says yes, the run ends cleanly with a checkpoint.

    Raises:
        TrainError: The run's folder holds a run already, or none that can be resumed.
        facelm.training.data.DataError: The data cannot be used.
        facelm.ModelError: The encoder, device or start weights cannot be used.
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
        self.device = distributed.own_device(devices.pick_device(config.device))
        if config.batch % distributed.world():
            raise TrainError(f"--batch {config.batch}: not divisible among {distributed.world()} processes")
        if self.device.type == "cpu":
            keep_freed_memory()
        torch.manual_seed(config.seed)
        # A folder is often called train: its parent tells what of.
        names = tuple("/".join(Path(folder).resolve().parts[-2:]) for folder in config.data)
        self.info = model.describe(config.encoder, config.size, names)
        self.network = model.build(self.info, config.pretrained and not resume)
        if config.init and not resume:
            model.initialise(self.network, Path(config.init))
        self.network.to(self.device).to(memory_format=torch.channels_last)
        self.teachers = Teachers(config.teacher, self.device) if config.teacher else None
        self.training_set, validation_set = find_samples(
            config,
            lambda checked, all_: on_event(Checking(checked, all_)),
            lambda masks, names: on_event(Missing(masks, tuple(names))),
        )
        self.data = fingerprint([*self.training_set.examples, *validation_set.examples])
        self.steps = len(self.training_set.examples) // config.batch
        self.validation = make_loader(
            Subset(validation_set, range(distributed.rank(), len(validation_set), distributed.world())),
            config.workers,
            collate_fn=list,
        )
        self.trained = distributed.divide(self.network, self.device)
        self.average = AveragedModel(self.network, multi_avg_fn=average, use_buffers=True)
        self.loss = DiceCrossEntropy(distributed.total).to(self.device)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), config.lr, weight_decay=_WEIGHT_DECAY, fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: learning_rate(step, config.epochs * self.steps)
        )
        self.precision = devices.pick_precision(self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        self.board = Board(self.folder / "tensorboard" if config.tensorboard and distributed.rank() == 0 else None)
        self.saved = time.monotonic()
        self.epoch, self.step = 0, 0
        self.loss_sum = 0.0
        self.best_f1 = -1.0
        self.history: list[dict[str, float]] = []
        if resume:
            self._load_checkpoint()
        elif distributed.rank() == 0:
            with files.atomic_path(self.folder / "config.json") as temporary:
                temporary.write_text(json.dumps(asdict(config), indent=2) + "\n")

    def train(self, max_minutes: float | None = None) -> bool:
        """Train until the last epoch is done or patience is out, the time is up, or ``should_stop`` says so.

        Args:
            max_minutes: End before this many minutes are over, counted from the call.

        Returns:
            True when it is done; False when there is more to resume. A checkpoint is there either way.

        Raises:
            TrainError: The loss is no longer a number, or a process that reads pictures was killed.
            facelm.ImageError: A picture cannot be read any more, or a file of the run not be written.
        """
        minutes = math.inf if max_minutes is None else max_minutes
        deadline = time.monotonic() + 60 * minutes - min(_SECONDS_TO_SAVE, 6 * minutes)
        with closing(self.board), alive_workers():
            while self.epoch < self.config.epochs and not is_stale(self.history, self.config.patience):
                done = self._train_epoch(deadline) and self._finish_epoch(deadline)
                self._save_checkpoint()
                if not done:
                    return False
        return True

    def _train_epoch(self, deadline: float) -> bool:
        """Train the rest of the epoch; False when it had to stop before its end."""
        self.network.train()
        config, rank, world = self.config, distributed.rank(), distributed.world()
        order = Order(len(self.training_set.examples), config.batch, config.seed, self.epoch, self.step, rank, world)
        loader = make_loader(
            self.training_set,
            config.workers,
            batch_size=config.batch // world,
            sampler=order,
            pin_memory=self.device.type == "cuda",
        )
        started, first, longest = time.monotonic(), self.step, 0.0
        for rgb, mask in iterate(loader):
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
            if distributed.any_of(self.should_stop() or now + 2 * longest > deadline, self.device):
                return False
            if now - self.saved > _SECONDS_BETWEEN:
                self._save_checkpoint()
        return True

    def _train_step(self, rgb: Tensor, mask: Tensor) -> float:
        rgb = rgb.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        mask = mask.to(self.device, non_blocking=True)
        taught = self.teachers.teach(rgb) if self.teachers else None
        loss = self.loss(model.predict(self.trained, self.info, rgb, mask.shape[-2:], self.precision), mask, taught)
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

    def _finish_epoch(self, deadline: float) -> bool:
        """Validate the averaged weights, report, and keep the best; False when it had to stop before."""
        validation = self._validate(deadline)
        if validation is None:
            return False
        val_loss, scores = validation
        # A validation split without any face has no F1, yet its run is to leave a model.
        f1 = 0.0 if math.isnan(scores.mean_f1) else scores.mean_f1
        best = f1 > self.best_f1
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
            self.best_f1 = f1
        if best and distributed.rank() == 0:
            kept = {n: round(row[n], 4) for n in ("pixel_accuracy", "mean_iou", "mean_f1") if not math.isnan(row[n])}
            info = replace(self.info, scores=kept)
            model.save_model(self.average.module, info, self.folder / "best.safetensors")
        if distributed.rank() == 0:
            write_history(self.history, self.folder / "history.csv")
            draw_curves(self.history, self.folder / "curves.png")
            self.board.write(row)
        report = Epoch(self.epoch + 1, self.config.epochs, row["train_loss"], val_loss, scores, best)
        self.epoch, self.step, self.loss_sum = self.epoch + 1, 0, 0.0
        self.on_event(report)
        return True

    @torch.inference_mode()
    def _validate(self, deadline: float) -> tuple[float, Scores] | None:
        """Score the averaged weights at the size of the masks: mean loss, scores; None if it had to stop."""
        network, loss = self.average.module.eval(), DiceCrossEntropy().to(self.device)
        matrix, losses, stopped = ConfusionMatrix(), [], False
        for batch in iterate(self.validation):
            stopped = stopped or self.should_stop() or time.monotonic() > deadline
            if stopped:
                break
            for rgb, mask in batch:
                logits = model.predict(network, self.info, rgb[None].to(self.device), mask.shape, self.precision)
                target = mask[None].long().to(self.device)
                if bool((target != classes.IGNORE).any()):
                    losses.append(float(loss(logits, target)))
                matrix.add(mask.numpy(), logits.argmax(1)[0].to("cpu", torch.uint8).numpy())
        if distributed.any_of(stopped, self.device):
            return None
        counts = distributed.total(torch.from_numpy(matrix.counts).to(self.device))
        matrix.counts = counts.cpu().numpy()
        loss_sum, loss_count = distributed.total(torch.tensor([sum(losses), len(losses)], device=self.device)).tolist()
        return loss_sum / loss_count if loss_count else math.nan, matrix.scores()

    def _save_checkpoint(self) -> None:
        self.saved = time.monotonic()
        if distributed.rank() > 0:
            return
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "loss_sum": self.loss_sum,
            "best_f1": self.best_f1,
            "history": self.history,
            "schedule": self.schedule.last_epoch,
            "scaler": self.scaler.state_dict(),
            "data": self.data,
        }
        save_checkpoint(self.folder / "last.ckpt", self.network, self.average, self.optimizer, state)

    def _load_checkpoint(self) -> None:
        path = self.folder / "last.ckpt"
        try:
            state = load_checkpoint(path, self.network, self.average, self.optimizer)
        except ValueError as error:
            raise TrainError(str(error)) from error
        try:
            self.epoch, self.step, self.schedule.last_epoch = (state[name] for name in ("epoch", "step", "schedule"))
            self.loss_sum, self.best_f1, self.history = (state[name] for name in ("loss_sum", "best_f1", "history"))
            self.scaler.load_state_dict(state["scaler"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise TrainError(f"{path}: not a checkpoint of this run ({error})") from error
        if state.get("data", self.data) != self.data:
            raise TrainError(f"{path}: the data of this run have changed since; start a new run with --init")
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * learning_rate(self.schedule.last_epoch, self.config.epochs * self.steps)
