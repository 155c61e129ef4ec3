"""The index of a base and a tail: states, merges, tables, and searches beside writes."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.index import (
    candidates,
    chunk_kernels,
    desk_kernels,
    flat_kernels,
    hash_kernels,
    hit_kernels,
    kernels,
    open_index,
    usual_search,
    warm_up,
)
from app.index.auto import AutoIndex
from app.index.background import begin
from app.index.base import Window
from app.index.compiling import compile_all
from app.index.segment_state import MergeRules, after_merge, appended, merged_base, state_of
from app.index.segments import SegmentedIndex
from app.snapshots import Snapshot, SnapshotFile
from model.codes import hamming_distances
from model.errors import CodeError
from tests.fakes import FakeCodeIndex


def clustered(n_codes: int, n_bits: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = random.integers(0, 256, (20, n_bits // 8), dtype=np.uint8)
    flips = random.integers(0, 256, (3, n_codes, n_bits // 8), dtype=np.uint8)
    return centres[random.integers(0, 20, n_codes)] ^ (flips[0] & flips[1] & flips[2])


def hashed(n_bits: int, **given) -> SegmentedIndex:
    return SegmentedIndex(n_bits, table_from=1, always_table=True, in_background=False, **given)


def places(queries, codes, k):
    """Returns (distance, row) of the nearest of rows 1…N by sorting everything."""
    return [sorted((int(d), row + 1) for row, d in enumerate(of))[:k] for of in hamming_distances(queries, codes).tolist()]


def found(index, queries, k):
    return [[(hit.distance, hit.row_id) for hit in hits] for hits in index.search(queries, k=k)]


@given(st.integers(1, 40), st.integers(0, 12), st.integers(0, 30))
def test_the_one_call_of_a_usual_search_sees_the_tail_and_what_was_removed(k, radius, n_removed):
    codes = clustered(430, 64)
    index = hashed(64)
    index.load(np.arange(1, 301), codes[:300])
    index.add(np.arange(301, 401), codes[300:400])
    gone = np.arange(400, 400 - 10 * n_removed, -10)
    assert index.remove(gone) == n_removed
    for query in codes[400:430:10]:
        held = [place for place in places(query[None], codes[:400], 400)[0] if place[1] not in set(gone.tolist())]
        expected = [place for place in held if place[0] <= radius][:k]
        [hits] = index.search(query[None], k=k, max_distance=radius)
        assert [(hit.distance, hit.row_id) for hit in hits] == expected


def test_a_search_that_meets_thousands_of_equally_near_codes_asks_for_more_memory():
    bits = 1 << np.arange(16, dtype=np.uint16)
    codes = np.stack(np.meshgrid(bits, bits, bits, [np.uint16(0)]), axis=-1).reshape(-1, 4).view(np.uint8)
    codes = np.concatenate([codes, codes])  # half of all are different, so that no scan is cheaper than to see all of these
    index = hashed(64)
    index.load(np.arange(1, len(codes) + 1), codes)
    for window in (Window(), Window(without=frozenset([9_999]))):
        [hits] = index.search(np.zeros((1, 8), np.uint8), k=3, window=window)
        assert hits == [(1, 3), (2, 3), (3, 3)]


def test_what_is_drawn_from_a_large_bucket_keeps_the_kth_hit():
    random = np.random.default_rng(0)
    ladder = (np.uint64(1) << np.arange(17, 48, dtype=np.uint64)) - np.uint64(1 << 16)  # one code a distance: 1, 2, 3, …
    far = np.uint64(0xFFFF_FFFF_0000) | random.integers(1, 1 << 16, 400, np.uint64) << np.uint64(
        48
    )  # in the same bucket of one chunk
    others = random.integers(0, 1 << 63, 20_000, np.uint64)
    codes = np.concatenate([random.permutation(np.concatenate([ladder, far])), others]).view(np.uint8).reshape(-1, 8)
    index = hashed(64)
    index.load(np.arange(1, len(codes) + 1), codes)
    query = np.zeros((1, 8), np.uint8)
    for k in (1, 2, 5, 10):
        assert found(index, query, k) == places(query, codes, k)


@pytest.mark.parametrize(("n_clusters", "after"), [(1, None), (12, None), (12, (1, 400))])
def test_large_buckets_of_near_codes_lose_no_hit(n_clusters, after):
    random = np.random.default_rng(3)
    centres = random.integers(0, 1 << 16, n_clusters, dtype=np.uint64)
    words = centres[random.integers(0, n_clusters, 9000)] | (random.integers(0, 1 << 44, 9000, dtype=np.uint64) << np.uint64(20))
    codes = words.view(np.uint8).reshape(-1, 8)
    index = hashed(64)
    index.load(np.arange(1, 9001), codes)
    for k in (1, 10, 700):
        behind = [[place for place in of if after is None or place > after][:k] for of in places(codes[:20], codes, 9000)]
        hits = [index.search(query[None, :], k=k, window=Window(after=after))[0] for query in codes[:20]]
        assert [[(hit.distance, hit.row_id) for hit in of] for of in hits] == behind


@pytest.mark.parametrize("n_bits", [16, 64, 72, 128, 320])
def test_a_table_over_thousands_of_codes_finds_what_sorting_finds(n_bits):
    codes = clustered(6_040, n_bits)
    index = hashed(n_bits)
    index.load(np.arange(1, 6_001), codes[:6_000])
    for k in (1, 10, 300):
        assert found(index, codes[5_990:6_040], k) == places(codes[5_990:6_040], codes[:6_000], k)
    assert index.figures().engine == "multi"


@given(st.integers(1, 40), st.integers(1, 6), st.sampled_from(["scan", "multi"]))
def test_a_batch_finds_what_its_queries_find_one_by_one(k, n_queries, kind):
    codes = clustered(900, 64)
    index = hashed(64) if kind == "multi" else open_index(64, kind="scan")
    index.load(np.arange(1, 801), codes[:800])
    queries = codes[800 : 800 + n_queries]
    assert found(index, queries, k) == [found(index, query[None], k)[0] for query in queries] == places(queries, codes[:800], k)


def test_several_threads_find_the_same():
    codes = clustered(5_200, 64)
    index = hashed(64)
    index.load(np.arange(1, 5_001), codes[:5_000])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda at: found(index, codes[at : at + 1], 10)[0], range(5_000, 5_200)))
    assert answers == places(codes[5_000:], codes[:5_000], 10)


def test_few_different_codes_are_searched_once_each():
    codes = np.repeat(np.arange(24, dtype=np.uint8), 500)[:, None] * np.ones(8, np.uint8)
    index = hashed(64)
    index.load(np.arange(1, len(codes) + 1), codes)
    assert found(index, codes[:1], 600) == places(codes[:1], codes, 600)
    assert index.figures().n_different == 24
    [hits] = index.search(codes[:1], k=30, window=Window(distinct=True))
    assert [hit.row_id for hit in hits if hit.distance == 0] == [1]
    assert len(hits) == 24


def test_a_table_that_does_not_pay_is_not_kept():
    codes = np.random.default_rng(0).integers(0, 256, (3_000, 32), dtype=np.uint8)
    index = SegmentedIndex(256, table_from=1, in_background=False)
    index.load(np.arange(1, 3_001), codes)
    assert index.figures().engine == "scan"
    assert found(index, codes[:3], 5) == places(codes[:3], codes, 5)


def test_what_was_removed_during_a_merge_stays_removed_and_what_was_added_stays_added():
    codes = clustered(3_000, 64)
    index = SegmentedIndex(64, table_from=1, tail_rows=64, always_table=True)
    held = set(range(1, 1_001))
    index.load(np.arange(1, 1_001), codes[:1_000])
    for start in range(1_000, 3_000, 50):
        index.add(np.arange(start + 1, start + 51), codes[start : start + 50])
        gone = np.arange(start - 900, start - 880)
        held = (held | set(range(start + 1, start + 51))) - set(gone.tolist())
        assert index.remove(gone) == 20
    index.settle()
    assert set(index.held_codes()[0].tolist()) == held
    assert (len(index), index.newest_row) == (len(held), 3_000)
    assert {row for _, row in found(index, codes[:1], 5_000)[0]} == held


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own")
def test_a_merge_gives_way_to_searches():
    seen = []
    begin(lambda: seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())), "later").join()
    assert seen[0] >= 10
    assert os.getpriority(os.PRIO_PROCESS, 0) <= seen[0]


def test_rows_that_came_and_went_during_a_merge_stay_gone():
    rules, codes = MergeRules(table_from=None, tail_rows=16), np.zeros(9, np.uint64)
    before = replace(state_of(64, np.arange(1, 4), codes[:3].copy(), rules), version=5)
    now = appended(before, np.arange(4, 10), codes[:6])
    now.tail.died[:2], now.base.died[1] = 7, 6
    now = replace(now, version=7, n_held=6)
    after = after_merge(before, now, merged_base(before, rules), [np.array([2]), np.array([4, 5])], rules)
    assert after.held()[0].tolist() == [1, 3, 6, 7, 8, 9]
    assert (after.version, after.n_held, after.highest_held()) == (1, 6, 9)


def test_searches_race_with_writes_and_merges_and_never_miss_what_stays():
    codes = clustered(4_000, 64)
    index = SegmentedIndex(64, table_from=1, tail_rows=32, always_table=True)
    index.load(np.arange(1, 2_001), codes[:2_000])
    nearest = places(codes[:20], codes[:2_000], 10)
    done = threading.Event()

    def write():
        for start in range(2_000, 4_000, 20):
            index.add(np.arange(start + 1, start + 21), codes[start : start + 20])
            index.remove(np.arange(start + 1, start + 21, 2))
        done.set()

    def search():
        at = 0
        while not done.is_set() or at < 20:
            [hits] = found(index, codes[at % 20 : at % 20 + 1], 10)
            assert len(hits) == 10
            assert hits == sorted(hits)
            assert {place for place in nearest[at % 20] if place < hits[-1]} <= set(hits)
            at += 1

    with ThreadPoolExecutor(3) as pool:
        for one in [pool.submit(search), pool.submit(search), pool.submit(write)]:
            one.result()


@pytest.mark.parametrize("open_it", [hashed, FakeCodeIndex, lambda n_bits: open_index(n_bits, kind="faiss_flat")])
def test_only_an_empty_index_is_loaded_and_only_with_ascending_rows(open_it):
    index = open_it(8)
    for rows in ([2, 1], [1, 1]):
        with pytest.raises(CodeError, match="ascend"):
            index.load(np.array(rows), np.zeros((2, 1), np.uint8))
    index.load(np.array([1, 2]), np.zeros((2, 1), np.uint8))
    with pytest.raises(CodeError, match="must be empty"):
        index.load(np.array([3]), np.zeros((1, 1), np.uint8))
    assert len(index) == 2


def test_an_index_that_grows_changes_over_on_its_own_thread():
    codes = clustered(300, 64)
    index = AutoIndex(64, large=200)
    assert index.figures().engine == "faiss_flat"
    for start in range(0, 300, 100):
        index.add(np.arange(start + 1, start + 101), codes[start : start + 100])
    index.settle()
    assert index.figures().engine == "scan"
    assert found(index, codes[:3], 20) == places(codes[:3], codes, 20)


def test_a_mapped_snapshot_is_moved_into_memory(tmp_path: Path):
    codes, rows = clustered(500, 64), np.arange(1, 501)
    file = SnapshotFile(tmp_path / "s")
    file.write(Snapshot("b", 64, 1, 500, {"image": (rows, codes), "text": (rows[:0], codes[:0])}))
    index = SegmentedIndex(64, table_from=None)
    index.load(*file.read().codes["image"])
    index.settle()
    file.path.write_bytes(b"")  # whoever still looked into the file would be ended by the system
    assert found(index, codes[:3], 20) == places(codes[:3], codes, 20)


def test_each_loop_is_compiled_for_one_kind_of_arguments():
    for n_bits in (16, 64, 128):
        compile_all(n_bits)
        warm_up(n_bits, kind="multi", n_codes=0)
    modules = (kernels, flat_kernels, hash_kernels, chunk_kernels, candidates, desk_kernels, hit_kernels, usual_search)
    loops = [loop for module in modules for loop in vars(module).values() if hasattr(loop, "targetoptions")]
    own = [loop for loop in loops if not loop.targetoptions.get("forceinline")]  # the others are part of these
    several = {loop.__name__: len(loop.signatures) for loop in own if len(loop.signatures) > 1}
    assert several == {}
