"""Live distances against a calibration's, with codes that lie in clusters as learned ones do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from app.code_samples import CodeSamples
from app.drift import N_NEEDED, DriftMonitor
from app.pools import Pool
from model.calibration import Calibration
from model.codes import hamming_distances
from tests.builders import logged_lines, whole_calibration
from tests.fakes import FakeCodeIndex

pytestmark = pytest.mark.anyio
N_BITS = 64


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool("searching", n_threads=1, max_waiting=8)
    yield pool
    pool.close()


def clustered(seed: int, n: int, world: int = 0) -> np.ndarray:
    """Returns n codes, some nearer and some farther, around 8 centres of falling weight, the same for all of one world."""
    centres = np.random.default_rng(1000 + world).integers(0, 256, (8, N_BITS // 8), dtype=np.uint8)
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, 9)
    chosen = centres[rng.choice(8, n, p=weights / weights.sum())]
    flips = np.packbits(rng.random((n, N_BITS)) < rng.choice([0.02, 0.1, 0.25], (n, 1)), axis=1)
    return chosen ^ flips


def calibrated() -> Calibration:
    """Measured on 1,000 pairs of the first world."""
    counts = np.bincount(hamming_distances(clustered(1, 1000), clustered(2, 1000)).ravel(), minlength=N_BITS + 1)
    whole = whole_calibration(N_BITS, modality_pairs=[("text", "image")])
    curve = replace(whole.curves["text", "image"], n_pairs=tuple(counts.tolist()))
    return replace(whole, curves={("text", "image"): curve})


async def monitor_over(pool: Pool, items: np.ndarray) -> DriftMonitor:
    """Returns a monitor with its items drawn, over an index of images."""
    index = FakeCodeIndex(N_BITS)
    index.add(np.arange(1, len(items) + 1), items)
    samples = CodeSamples({"image": index, "text": FakeCodeIndex(N_BITS)}, pool)
    await samples.fresh()
    return DriftMonitor(calibrated(), samples)


def note(monitor: DriftMonitor, queries: np.ndarray) -> None:
    for query in queries:
        monitor.note(query.tobytes(), "text", "image")


async def test_queries_and_items_like_those_of_the_calibration_raise_no_alarm(pool: Pool) -> None:
    monitors = [await monitor_over(pool, clustered(100 + turn, 3000)) for turn in range(10)]
    with logged_lines() as lines:
        for turn, monitor in enumerate(monitors):
            note(monitor, clustered(200 + turn, 5000))
    assert [line["event"] for line in lines] == []
    assert [figure.drift.is_drifting for monitor in monitors for figure in monitor.figures() if figure.drift] == [False] * 10


@pytest.mark.parametrize("what", ["queries", "items"])
async def test_queries_or_items_of_another_world_raise_one_alarm(pool: Pool, what: str) -> None:
    monitor = await monitor_over(pool, clustered(3, 3000, world=int(what == "items")))
    with logged_lines() as lines:
        note(monitor, clustered(4, 2000, world=int(what == "queries")))
    (figure,) = monitor.figures()
    assert figure.drift is not None
    assert figure.drift.is_drifting
    assert "recalibrate" in figure.words
    assert [line["level"] for line in lines] == ["warning"]
    assert "distances drift away from the calibration: text → image: " in lines[0]["event"]


async def test_a_drift_that_is_over_is_told_and_a_new_one_again(pool: Pool) -> None:
    monitor = await monitor_over(pool, clustered(3, 3000))
    with logged_lines() as lines:
        for world in (0, 1, 0, 1):
            note(monitor, clustered(4 + world, 5000, world))
    assert [line["level"] for line in lines] == ["warning", "info", "warning"]


async def test_nothing_is_said_before_there_are_enough(pool: Pool) -> None:
    monitor = await monitor_over(pool, clustered(3, 3000, world=1))
    note(monitor, clustered(4, N_NEEDED - 1))
    (figure,) = monitor.figures()
    assert (figure.n_pairs, figure.drift) == (499, None)
    assert figure.words == "text → image: 499 of the 500 queries that are needed to tell"
    note(monitor, clustered(5, 1))
    assert monitor.figures()[0].drift is not None


async def test_what_is_old_is_forgotten(pool: Pool) -> None:
    monitor = await monitor_over(pool, clustered(3, 3000))
    note(monitor, clustered(4, 9000))
    assert monitor.figures()[0].n_pairs == 3000


async def test_an_index_of_few_items_and_directions_without_a_calibration_are_left_alone(pool: Pool) -> None:
    few = await monitor_over(pool, clustered(3, 199))
    other = await monitor_over(pool, clustered(3, 3000))
    note(few, clustered(4, 600))
    for query in clustered(4, 600):
        other.note(query.tobytes(), "image", "text")
    assert [figure.n_pairs for monitor in (few, other) for figure in monitor.figures()] == [0, 0]
    assert DriftMonitor(None, CodeSamples({}, pool)).figures() == ()


async def test_items_are_drawn_behind_the_searches_back_and_again_when_the_index_has_grown(pool: Pool) -> None:
    index = FakeCodeIndex(N_BITS)
    samples = CodeSamples({"image": index}, pool)
    monitor = DriftMonitor(calibrated(), samples)
    note(monitor, clustered(4, 1))
    await samples.fresh()  # behind the draw that the query has begun
    index.add(np.arange(1, 301), clustered(3, 300))
    note(monitor, clustered(4, 64))
    assert monitor.figures()[0].n_pairs == 0
    await samples.fresh()
    await asyncio.sleep(0)
    note(monitor, clustered(4, 64))
    assert monitor.figures()[0].n_pairs >= 63


async def test_a_pool_that_is_closed_keeps_no_search_back(pool: Pool) -> None:
    monitor = DriftMonitor(calibrated(), CodeSamples({"image": FakeCodeIndex(N_BITS)}, pool))
    pool.close()
    note(monitor, clustered(4, 2))
    await asyncio.sleep(0)
    assert monitor.figures()[0].n_pairs == 0
