"""Tensors and an optimiser's state come back bit for bit, and a crash leaves the old file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.checkpoint import optimizer_tensors, read_tensors, restore_optimizer, write_bytes, write_tensors


def adam(seed: int = 1) -> tuple[torch.nn.Linear, torch.optim.Adam]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = torch.nn.Linear(3, 2)
    return layer, torch.optim.Adam(layer.parameters(), lr=0.1, weight_decay=0.01, fused=True)


def step(layer: torch.nn.Linear, optimizer: torch.optim.Adam, times: int) -> None:
    for _ in range(times):
        optimizer.zero_grad()
        (layer(torch.ones(4, 3)) ** 2).mean().backward()
        optimizer.step()


def test_tensors_and_facts_come_back(tmp_path: Path) -> None:
    tensors = {"b.x": torch.arange(6).reshape(2, 3), "a": torch.tensor(0.1), "t": torch.ones(2, 3).T}
    write_tensors(tmp_path / "file", tensors, {"epoch": 3, "best": 0.1 + 0.2})
    found, facts = read_tensors(tmp_path / "file")
    assert facts == {"epoch": 3, "best": 0.1 + 0.2}
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) and found[name].dtype == tensors[name].dtype for name in tensors)


def test_a_file_is_replaced_whole_and_nothing_else_stays_behind(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")
    write_bytes(tmp_path / "file", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"new")]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")
    (tmp_path / "file.partial").mkdir()
    with pytest.raises(OSError, match=r"file\.partial"):
        write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_restored_optimiser_takes_the_same_steps(tmp_path: Path) -> None:
    straight, optimizer = adam()
    step(straight, optimizer, 3)
    write_tensors(tmp_path / "file", {**straight.state_dict(), **optimizer_tensors(optimizer)}, {})
    step(straight, optimizer, 4)
    tensors, _ = read_tensors(tmp_path / "file")
    resumed, other = adam(seed=2)
    resumed.load_state_dict({name: tensors[name] for name in ("weight", "bias")})
    restore_optimizer(other, {name: tensor for name, tensor in tensors.items() if name[0].isdigit()})
    step(resumed, other, 4)
    assert torch.equal(resumed.weight, straight.weight)
    assert torch.equal(resumed.bias, straight.bias)


def test_an_optimiser_that_took_no_step_has_no_state() -> None:
    layer, optimizer = adam()
    assert optimizer_tensors(optimizer) == {}
    restore_optimizer(optimizer, {})
    step(layer, optimizer, 1)
