"""Where and how exactly a run computes: device, number format, threads.

Decides what ``training.device``, ``precision`` and ``threads`` mean, and that PyTorch's global settings are given back afterwards.
Does not know heads or losses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from model.errors import ConfigError
from training.config import TrainingSection
from training.precision import matmul_precision

_MIXED = {"float32": "no", "medium": "no", "bfloat16": "bf16", "float16": "fp16"}


def make_accelerator(options: TrainingSection) -> Accelerator:
    """Chooses device and mixed precision, and joins the other processes if a launcher started several.

    Note: ``accelerate`` keeps its choice in the process and refuses another one later; a run of other settings may follow in the
    same process, so it is made to forget first. Where there is no GPU it must be told so, or it joins nobody.

    Args:
        options: Device and precision.

    Returns:
        The accelerator.

    Raises:
        ConfigError: If the device cannot compute in that precision or with other processes.
    """
    AcceleratorState._reset_state(reset_partial_state=True)
    cpu = options.device == "cpu" or not torch.accelerator.is_available()
    try:
        accelerator = Accelerator(cpu=cpu, mixed_precision=_MIXED[options.precision])
    except ValueError as error:
        raise ConfigError([f"training.precision: {options.precision} is not to be had here: {error}"]) from error
    if options.precision == "float16" and accelerator.device.type == "cpu":
        raise ConfigError(["training.precision: float16 needs a GPU; on a CPU take bfloat16 or medium"])
    if accelerator.num_processes != int(os.environ.get("WORLD_SIZE", "1")):
        raise ConfigError([f"training.device: {accelerator.device} cannot train in several processes; take cpu"])
    return accelerator


@contextmanager
def torch_settings(options: TrainingSection) -> Iterator[None]:
    """Sets threads and the precision of float32 products for the time of a run, and gives back what was set before.

    Args:
        options: Threads and precision; ``medium`` lets products of float32 matrices round their factors to bfloat16.

    Yields:
        Nothing.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        with matmul_precision("medium" if options.precision == "medium" else "highest"):
            yield
    finally:
        torch.set_num_threads(threads)
