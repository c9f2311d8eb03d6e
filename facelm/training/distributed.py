"""Training in several processes, as ``torchrun`` starts them: one for each GPU, or on the CPU over gloo.

Every process sees its share of each batch; what a loss or a batch normalisation sums over the batch is summed
over the processes too. So a run has the same losses however many processes it is divided among.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn import functional as differentiable


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Join the processes that ``torchrun`` started, for the time of a run; alone, nothing happens."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def own_device(device: torch.device) -> torch.device:
    """The GPU of this process where each has one of its own, else the device itself."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def rank() -> int:
    """Number of this process; 0 writes the files and reports."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def total(tensor: Tensor) -> Tensor:
    """The sum of a tensor over the processes; gradients flow back to each."""
    if world() == 1:
        return tensor
    summed: Tensor = differentiable.all_reduce(tensor)  # type: ignore[no-untyped-call]
    return summed


def any_of(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process."""
    if world() == 1:
        return flag
    votes = torch.tensor(int(flag), device=device)
    dist.all_reduce(votes, dist.ReduceOp.MAX)
    return bool(votes.item())


def divide(network: nn.Module, device: torch.device) -> nn.Module:
    """The network as a process trains it: gradients, and statistics of batch normalisation, are shared.

    Batch normalisation is changed in ``network`` itself; names and weights stay as they are.
    """
    if world() == 1:
        return network
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return nn.parallel.DistributedDataParallel(network, device_ids=[device.index])
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _SharedBatchNorm
    return nn.parallel.DistributedDataParallel(network)


class _SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the batch of all processes, for the CPU, where `torch.nn.SyncBatchNorm` cannot run."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, H, W), in the precision of the input."""
        if not self.training:
            return super().forward(input)
        x = input.float()
        count = x.new_tensor([x.numel() / x.shape[1]])
        sums = total(torch.cat([x.sum((0, 2, 3)), (x * x).sum((0, 2, 3)), count]))
        mean, square = sums[:-1].view(2, -1) / sums[-1]
        variance = square - mean * mean
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None
            assert self.momentum is not None and self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * sums[-1] / (sums[-1] - 1), self.momentum)
        scale = self.weight / (variance + self.eps).sqrt()
        shift = self.bias - mean * scale
        return (x * scale[:, None, None] + shift[:, None, None]).to(input.dtype)
