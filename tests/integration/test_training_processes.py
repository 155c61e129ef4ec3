"""Two processes train as one: the same weights up to rounding, the same bytes among themselves, one writer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.training_fixtures import ClusterData, open_run, small_config
from training.checkpoint import read_tensors
from training.experiment import run_experiment

ROOT = Path(__file__).resolve().parents[2]
# 96 pairs in batches of 33: the last batch has 30, and no part of 33 is a whole half.
OVERRIDES = ("training.batch_size=33", "training.average_decay=0.5", "training.schedule=cosine")
BROKEN = ("training.alarms=stop", "training.learning_rate=1e30")
PROGRAM = f"""
import sys
from pathlib import Path
from tests.training_fixtures import ClusterData, open_run, small_config
from training.compute import make_accelerator
from training.experiment import run_experiment
from training.processes import Processes
from model.errors import HashingError

for name, overrides in (("sound", {OVERRIDES}), ("broken", {OVERRIDES + BROKEN})):
    config = small_config(*overrides)
    processes = Processes(make_accelerator(config.training))
    assert processes.n_processes == 2
    run = processes.from_main(lambda: open_run(Path(sys.argv[1]) / name, config))
    try:
        print(run_experiment(config, ClusterData(), run)["evaluation"]["mean_map"])
    except HashingError as error:
        print(type(error).__name__, error)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def together(folder: Path) -> list[list[str]]:
    """Runs the program in two processes, as ``torchrun`` would start them; returns the lines that each said."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    loopback = {"GLOO_SOCKET_IFNAME": "lo", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder)],
            env=os.environ | shared | loopback | {"RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    try:
        said = [process.communicate(timeout=120) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], said
    return [out.splitlines() for out, _ in said]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("alone")
    config = small_config(*OVERRIDES)
    run_experiment(config, ClusterData(), open_run(folder, config))
    return folder


def test_two_processes_train_the_weights_of_one_and_end_together_when_an_alarm_rings(alone: Path, tmp_path: Path) -> None:
    first, second = together(tmp_path)
    assert first == second
    folders = (tmp_path / "sound", alone)
    (last, facts), (wanted, wanted_facts) = (read_tensors(folder / "checkpoints" / "last.safetensors") for folder in folders)
    assert (last.keys(), facts["epoch"]) == (wanted.keys(), wanted_facts["epoch"])
    for name, tensor in wanted.items():
        torch.testing.assert_close(last[name], tensor, rtol=1e-4, atol=1e-6, msg=name)
    found, expected = (json.loads((folder / "report.json").read_bytes())["evaluation"]["mean_map"] for folder in folders)
    assert found == pytest.approx(expected, abs=0.02)
    assert first[1].startswith("TrainingStopped epoch ")
