import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from app.code_report import CodeReport, CodeReports, measure
from app.code_samples import CodeSamples
from app.pools import Pool
from model.code_health import measure_codes
from model.codes import hamming_distances
from tests.fakes import FakeCodeIndex

pytestmark = pytest.mark.anyio


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool("searching", n_threads=2, max_waiting=8)
    yield pool
    pool.close()


class Bench:
    """Two indexes of 16 bits and a clock; the index of texts counts how often its codes are asked for."""

    def __init__(self, pool: Pool, most: int = 50) -> None:
        self.now_s, self.n_draws, self.indexes = 0.0, 0, {"image": FakeCodeIndex(16), "text": FakeCodeIndex(16)}
        held_codes = self.indexes["text"].held_codes
        self.indexes["text"].held_codes = lambda: (setattr(self, "n_draws", self.n_draws + 1), held_codes())[1]
        self.samples = CodeSamples(self.indexes, pool, most=most, clock=lambda: self.now_s)
        self.reports = CodeReports(self.samples, pool)

    def add(self, modality: str, start: int, n: int) -> None:
        codes = np.random.default_rng(start).integers(0, 256, (n, 2), dtype=np.uint8)
        self.indexes[modality].add(np.arange(start + 1, start + n + 1), codes)

    async def report(self) -> CodeReport:
        return await self.reports.latest()


async def test_a_sample_is_of_different_rows_at_most_so_many_and_the_same_again(pool: Pool) -> None:
    bench, other = Bench(pool), Bench(pool)
    for each in (bench, other):
        each.indexes["text"].add(np.arange(1, 301), np.arange(300).astype(np.uint16).view(np.uint8).reshape(-1, 2))
    drawn = (await bench.samples.fresh()).of["text"]
    assert (len(drawn.packed_codes), drawn.n_held, drawn.newest_row) == (50, 300, 300)
    assert len(np.unique(drawn.packed_codes, axis=0)) == 50
    assert (await other.samples.fresh()).of["text"].packed_codes.tolist() == drawn.packed_codes.tolist()


async def test_a_report_stands_until_a_tenth_has_changed_or_a_minute_has_passed_and_anything_has(pool: Pool) -> None:
    bench = Bench(pool)
    bench.add("text", 0, 100)
    first = await bench.report()
    bench.now_s = 1000.0
    assert await bench.report() is first  # nothing has changed
    bench.add("text", 100, 12)
    second = await bench.report()
    bench.indexes["text"].remove(np.array([3]))
    assert await bench.report() is second
    bench.now_s += 60
    third = await bench.report()
    assert (bench.n_draws, third.drawn.of["text"].n_held) == (3, 111)


async def test_rows_that_take_the_place_of_others_are_changes(pool: Pool) -> None:
    bench = Bench(pool)
    bench.add("text", 0, 40)
    await bench.report()
    bench.indexes["text"].remove(np.arange(1, 21))
    bench.add("text", 40, 20)
    assert bench.samples.are_stale()


async def test_many_who_ask_at_once_wait_for_one_measurement(pool: Pool) -> None:
    bench = Bench(pool)
    bench.add("text", 0, 100)
    reports = await asyncio.gather(*(bench.report() for _ in range(6)))
    assert len({id(report) for report in reports}) == 1
    assert bench.n_draws == 1


async def test_an_empty_index_is_told_without_numbers_that_are_none(pool: Pool) -> None:
    report = await Bench(pool).report()
    assert report.health == {"image": None, "text": None}
    assert (report.gap, report.alarms) == (None, ())
    assert all(counts.tolist() == [0] * 17 for counts in report.distances.values())


async def test_single_codes_have_no_distance_within_and_one_across(pool: Pool) -> None:
    bench = Bench(pool)
    bench.add("text", 0, 1)
    bench.add("image", 1, 1)
    report = await bench.report()
    assert {pair: int(counts.sum()) for pair, counts in report.distances.items()} == {
        ("image", "image"): 0,
        ("text", "text"): 0,
        ("image", "text"): 1,
    }
    assert report.alarms == ()


async def test_few_codes_are_compared_all_with_all(pool: Pool) -> None:
    bench = Bench(pool)
    bench.add("text", 0, 30)
    bench.add("image", 30, 20)
    report = await bench.report()
    text, image = (bench.indexes[one].held_codes()[1] for one in ("text", "image"))
    within = hamming_distances(text, text)[np.triu_indices(30, 1)]
    assert report.distances["text", "text"].tolist() == np.bincount(within, minlength=17).tolist()
    assert report.distances["image", "text"].tolist() == np.bincount(hamming_distances(image, text).ravel(), minlength=17).tolist()
    assert report.health["text"] is not None
    assert report.health["text"].effective_bits == pytest.approx(measure_codes(text).effective_bits)


async def test_of_many_codes_pairs_at_random_are_like_all_pairs_and_none_is_a_code_with_itself(pool: Pool) -> None:
    bench = Bench(pool, most=2000)
    codes = np.arange(2000, dtype=np.uint16).view(np.uint8).reshape(-1, 2)  # all different
    bench.indexes["text"].add(np.arange(1, 2001), codes)
    found = measure(await bench.samples.fresh()).distances["text", "text"]
    every = np.bincount(hamming_distances(codes, codes)[np.triu_indices(2000, 1)], minlength=17)
    assert found.sum() == 200_000
    assert found[0] == 0
    assert np.abs(found / found.sum() - every / every.sum()).max() < 0.005
