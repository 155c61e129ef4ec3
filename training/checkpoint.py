"""Tensors and a few facts in one safetensors file, written so that a crash leaves the old file or the new one.

Decides how an optimiser's state is named. No pickle. Does not know heads or methods.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor
from torch.optim import Optimizer


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Writes a file atomically: temporary name, sync, rename.

    Args:
        path: Where to.
        tensors: By name.
        facts: JSON-able, kept in the file's header.
    """
    content = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, {"facts": json.dumps(facts)})
    write_bytes(path, content)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file atomically: temporary name, sync, rename.

    Args:
        path: Where to.
        content: What.
    """
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what :func:`write_tensors` wrote.

    Args:
        path: Where from.

    Returns:
        Tensors by name, and the facts.
    """
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["facts"])  # noqa: SIM118


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Returns an optimiser's state by ``<parameter>.<name>``; empty before its first step.

    Args:
        optimizer: Whose state holds nothing but tensors, as Adam's does.

    Returns:
        Tensors by name.
    """
    state = optimizer.state_dict()["state"]
    return {f"{parameter}.{name}": tensor for parameter, entries in state.items() for name, tensor in entries.items()}


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Gives an optimiser its state back.

    Args:
        optimizer: Over the same parameters in the same order.
        tensors: What :func:`optimizer_tensors` gave.
    """
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        parameter, _, name = key.partition(".")
        state.setdefault(int(parameter), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Puts a prefix before every name.

    Args:
        prefix: Such as ``method.``.
        tensors: By name.

    Returns:
        The same tensors under longer names.
    """
    return {prefix + name: tensor for name, tensor in tensors.items()}


def stripped(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Picks what has a prefix, and takes it off.

    Args:
        prefix: Such as ``method.``.
        tensors: By name.

    Returns:
        Some of the tensors under shorter names.
    """
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
