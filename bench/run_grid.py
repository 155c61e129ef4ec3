"""Many runs in several processes: finished ones are skipped, interrupted ones taken up, and how long is left is told.

A run that another process is at, of this call or of another one over the same folder, is left to it. Decides who does which run and
what is told of it. Does not know which runs make a table.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from model.errors import DatasetError, HashingError
from training.config import DataSection, FeaturesSection, RunConfig
from training.experiment import Features, run_experiment
from training.inputs import PairFeatures, data_facts, extract_pair_features, read_pairs
from training.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Task:
    """One run.

    Attributes:
        name: Runs of the same name take about as long.
        path: Folder of the run, which may not exist yet.
        config: Resolved.
        experiment: What is done with the configuration and the features, and written as the run's report.
    """

    name: str
    path: Path
    config: RunConfig
    experiment: Callable[[RunConfig, Features, RunFolder], dict[str, Any]] = run_experiment

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do; a folder with a run of other settings is not, and is refused when its turn comes."""
        run = RunFolder(self.path)
        return run.report() is not None and run.read_config() == self.config


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        text: For people.
        seconds: What it took; None if it was not done here.
        failed: Whether it failed.
    """

    text: str
    seconds: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where data come from.

    Attributes:
        data: Folder of the data set.
        cache_dir: Where tables and features are kept.
    """

    data: Path
    cache_dir: Path

    def check(self) -> None:
        """Finds a missing folder before any run begins.

        Raises:
            DatasetError: If there is no such folder.
        """
        if not (self.data.is_dir() or str(self.data).startswith("datasets:")):
            raise DatasetError(f"{self.data}: is not a folder; give the folder that holds the data set")


def run_tasks(tasks: Sequence[Task], source: Source, *, n_workers: int, told: Callable[[str], None]) -> list[Outcome]:
    """Does all runs that are not finished.

    Args:
        tasks: In the order in which they are begun.
        source: The data.
        n_workers: Processes, of one thread each.
        told: Told a line for every run that ends.

    Returns:
        How they ended, in the order of ending; finished ones are not among them.

    Raises:
        DatasetError: If there are such, and no folder of data.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    left: dict[Path, Task] = {}
    for task in tasks:
        if task.is_finished:
            seconds[task.name].append(epoch_seconds(task))
        else:
            left[task.path] = task

    if left:
        source.check()

    def how_long() -> str:
        return left_text(time_left(left.values(), seconds, n_workers))

    told(f"{len(tasks) - len(left)} of {len(tasks)} runs are finished; {how_long()}")
    outcomes: list[Outcome] = []
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes; this one computes nothing
    pool = ProcessPoolExecutor(n_workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    try:
        futures = {pool.submit(run_task, task, source): task for task in left.values()}
        for future in as_completed(futures):
            task, outcome = futures[future], future.result()
            del left[task.path]
            outcomes.append(outcome)
            if outcome.seconds is not None:
                seconds[task.name].append(outcome.seconds)
            told(f"{task.path.parent.name}/{task.path.name}: {outcome.text} ({len(outcomes)} of {len(futures)}, {how_long()})")
    finally:
        for process in multiprocessing.active_children() if left else ():  # interrupted; a run is taken up where it was
            process.terminate()
        pool.shutdown(cancel_futures=True)
    return outcomes


def run_task(task: Task, source: Source) -> Outcome:
    """Does one run, unless another process is at it.

    Args:
        task: Which.
        source: The data.

    Returns:
        How it ended; errors of ours are told, not raised.
    """
    start = time.perf_counter()
    task.path.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(task.path / "run.lock", timeout=0):
            if task.is_finished:
                return Outcome("finished by another process")
            features, facts = _open(source, task.config.data, task.config.features)
            run = RunFolder(task.path)
            run.open(task.config, facts)
            report = task.experiment(task.config, features, run)
    except Timeout:
        return Outcome("left to the process that is at it")
    except HashingError as error:
        return Outcome(f"failed: {error}", failed=True)
    seconds = time.perf_counter() - start
    return Outcome(f"epoch {report['epoch']}, mean mAP {report['evaluation']['mean_map']:.4f}, {seconds:.0f} s", seconds)


@cache
def _open(source: Source, data: DataSection, features: FeaturesSection) -> tuple[Features, dict[str, Any]]:
    """Reads pairs and features once a process."""
    config = RunConfig(data=data, features=features)
    pairs = read_pairs(config, source.data, cache_dir=source.cache_dir)

    @cache
    def of_split(name: str) -> PairFeatures:
        return extract_pair_features(getattr(pairs, name), name, config, cache_dir=source.cache_dir)

    return of_split, data_facts(pairs, source.data)


def _end_with_parent() -> None:
    """Ends this process when its parent is gone, however that ended."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def epoch_seconds(task: Task) -> float:
    """Returns what a run of an earlier call took.

    Args:
        task: Finished.

    Returns:
        Sum over its epochs.
    """
    return float(sum(entry.get("seconds", 0.0) for entry in RunFolder(task.path).metrics()))


def time_left(tasks: Collection[Task], seconds: Mapping[str, Sequence[float]], n_workers: int) -> float | None:
    """Estimates how long the rest takes.

    Args:
        tasks: What is not done.
        seconds: What runs took, by name; of names without any, the mean of all is taken.
        n_workers: Processes.

    Returns:
        Seconds; None if nothing is known yet.
    """
    known = [value for values in seconds.values() for value in values]
    if tasks and not known:
        return None
    return sum(statistics.fmean(seconds.get(task.name) or known) for task in tasks) / n_workers


def left_text(left: float | None) -> str:
    """Writes how long the rest takes.

    Args:
        left: Seconds; None if unknown.

    Returns:
        Such as ``1 h 05 min left``.
    """
    if left is None:
        return "time left unknown"
    hours, minutes = divmod(round(left / 60), 60)
    return f"{hours} h {minutes:02d} min left" if hours else f"{minutes} min left"
