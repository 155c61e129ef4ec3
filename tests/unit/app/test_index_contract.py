"""Every Hamming index, and the fake, against brute force in numpy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app.index import INDEXES, open_index
from app.index.auto import AutoIndex
from app.index.base import CodeIndex, Hit, Window
from app.index.segments import SegmentedIndex
from model.codes import Int64, UInt8, hamming_distances
from model.errors import CodeError
from tests.fakes import FakeCodeIndex

OpenIndex = Callable[[int], CodeIndex]


def always_hashed(n_bits: int) -> CodeIndex:
    """A table from the first row on, merged every few rows within the write: the small cases below go through all of it."""
    return SegmentedIndex(n_bits, table_from=1, tail_rows=16, in_background=False, always_table=True)


def hashed_behind(n_bits: int) -> CodeIndex:
    """The same, but merged on its own thread."""
    return SegmentedIndex(n_bits, table_from=1, tail_rows=8, always_table=True)


def grown(n_bits: int) -> CodeIndex:
    """Changes over from one kind of index to the other within the small cases below."""
    return AutoIndex(n_bits, large=20, in_background=False)


every_index = pytest.mark.parametrize("open_it", [*INDEXES.values(), always_hashed, hashed_behind, grown, FakeCodeIndex])


@dataclass(frozen=True)
class Case:
    """Codes with many equal distances, in an order of rows that is not ascending, and what to ask about them."""

    n_bits: int
    row_ids: Int64
    codes: UInt8
    queries: UInt8
    k: int
    max_distance: int | None

    def filled(self, open_it: OpenIndex) -> CodeIndex:
        index = open_it(self.n_bits)
        index.add(self.row_ids, self.codes)
        return index


@st.composite
def cases(draw: st.DrawFn) -> Case:
    n_bits = draw(st.sampled_from([8, 16, 24, 64, 128, 256]))
    values = st.sampled_from(draw(st.sampled_from([[0, 1], [0, 255], [0, 1, 3, 7], list(range(256))])))
    row_ids = draw(st.lists(st.integers(1, 2**62), unique=True, max_size=60))
    codes = draw(hnp.arrays(np.uint8, (len(row_ids), n_bits // 8), elements=values))
    queries = draw(hnp.arrays(np.uint8, (draw(st.integers(1, 3)), n_bits // 8), elements=values))
    k = draw(st.integers(1, 80))
    return Case(n_bits, np.array(row_ids, np.int64), codes, queries, k, draw(st.none() | st.integers(0, n_bits)))


def brute_force(case: Case, k: int, max_distance: int | None, allowed: set[int] | None = None) -> list[list[Hit]]:
    radius = case.n_bits if max_distance is None else max_distance
    rows = case.row_ids.tolist()
    answer = []
    for distances in hamming_distances(case.queries, case.codes).tolist():
        pairs = sorted((distance, row) for distance, row in zip(distances, rows, strict=True) if allowed is None or row in allowed)
        answer.append([Hit(row, distance) for distance, row in pairs[:k] if distance <= radius])
    return answer


@every_index
@given(case=cases())
def test_search_equals_brute_force(open_it: OpenIndex, case: Case) -> None:
    found = case.filled(open_it).search(case.queries, k=case.k, max_distance=case.max_distance)
    assert found == brute_force(case, case.k, case.max_distance)
    assert all(type(hit.row_id) is int and type(hit.distance) is int for hits in found for hit in hits)


@every_index
@given(case=cases(), data=st.data())
def test_search_among_allowed_rows_equals_brute_force_over_them(open_it: OpenIndex, case: Case, data: st.DataObject) -> None:
    held = st.sampled_from(case.row_ids.tolist()) if len(case.row_ids) else st.nothing()
    allowed = data.draw(st.lists(held | st.integers(1, 2**62)))
    found = case.filled(open_it).search(case.queries, k=case.k, max_distance=case.max_distance, allowed=allowed)
    assert found == brute_force(case, case.k, case.max_distance, set(allowed))


def windowed(case: Case, window: Window, allowed: set[int] | None) -> list[list[Hit]]:
    """What a window shows, by sorting everything."""
    newest_row = 2**63 if window.newest_row is None else window.newest_row
    code_of = {row: code.tobytes() for row, code in zip(case.row_ids.tolist(), case.codes, strict=True)}
    answer = []
    for hits in brute_force(case, 10**6, case.max_distance, allowed):
        kept = [hit for hit in hits if hit.row_id <= newest_row and hit.row_id not in window.without]
        if window.distinct:
            kept = [hit for at, hit in enumerate(kept) if code_of[hit.row_id] not in {code_of[h.row_id] for h in kept[:at]}]
        kept = [hit for hit in kept if window.after is None or (hit.distance, hit.row_id) > window.after]
        answer.append(kept[: case.k])
    return answer


@every_index
@given(case=cases(), data=st.data())
def test_a_window_shows_its_part_of_brute_force(open_it: OpenIndex, case: Case, data: st.DataObject) -> None:
    rows = st.integers(1, 2**62) | (st.sampled_from(case.row_ids.tolist()) if len(case.row_ids) else st.nothing())
    after = data.draw(st.none() | st.tuples(st.integers(0, case.n_bits), rows))
    window = Window(after, data.draw(st.none() | rows), data.draw(st.frozensets(rows, max_size=3)), data.draw(st.booleans()))
    allowed = data.draw(st.none() | st.sets(rows, max_size=40))
    found = case.filled(open_it).search(
        case.queries, k=case.k, max_distance=case.max_distance, window=window, allowed=None if allowed is None else list(allowed)
    )
    assert found == windowed(case, window, allowed)
    assert all(type(hit.row_id) is int and type(hit.distance) is int for hits in found for hit in hits)


@every_index
@given(case=cases(), distinct=st.booleans())
def test_pages_one_after_another_are_the_whole(open_it: OpenIndex, case: Case, distinct: bool) -> None:
    index, query = case.filled(open_it), case.queries[:1]
    pages: list[Hit] = []
    while page := index.search(query, k=case.k, window=Window(after=last_of(pages), distinct=distinct))[0]:
        pages += page
    assert pages == index.search(query, k=100, window=Window(distinct=distinct))[0]


def last_of(hits: list[Hit]) -> tuple[int, int] | None:
    return (hits[-1].distance, hits[-1].row_id) if hits else None


@every_index
def test_the_newest_row_is_the_highest_held(open_it: OpenIndex) -> None:
    index = open_it(8)
    seen = [index.newest_row]
    index.add(np.array([9, 4]), np.zeros((2, 1), np.uint8))
    seen.append(index.newest_row)
    index.remove(np.array([9]))
    assert [*seen, index.newest_row] == [0, 9, 4]


@every_index
@given(case=cases(), data=st.data())
def test_a_larger_radius_never_loses_a_hit(open_it: OpenIndex, case: Case, data: st.DataObject) -> None:
    index = case.filled(open_it)
    small, large = sorted(data.draw(st.tuples(st.integers(0, case.n_bits), st.integers(0, case.n_bits))))
    within = [index.search(case.queries, k=case.k, max_distance=radius) for radius in (small, large, case.n_bits)]
    for few, more in zip(*within[:2], strict=True):
        assert more[: len(few)] == few
    assert within[2] == index.search(case.queries, k=case.k)


@every_index
@given(case=cases(), more=st.integers(1, 50))
def test_a_larger_k_keeps_the_prefix(open_it: OpenIndex, case: Case, more: int) -> None:
    index = case.filled(open_it)
    few = index.search(case.queries, k=case.k)
    many = index.search(case.queries, k=case.k + more)
    assert [hits[: case.k] for hits in many] == few


@every_index
@given(case=cases(), data=st.data())
def test_adding_in_parts_then_removing_restores(open_it: OpenIndex, case: Case, data: st.DataObject) -> None:
    whole = case.filled(open_it).search(case.queries, k=80)
    cut = data.draw(st.integers(0, len(case.row_ids)))
    index = open_it(case.n_bits)
    index.add(case.row_ids[cut:], case.codes[cut:])
    before = index.search(case.queries, k=80)
    index.add(case.row_ids[:cut], case.codes[:cut])
    assert index.search(case.queries, k=80) == whole
    assert index.remove(case.row_ids[:cut]) == cut
    assert (len(index), index.search(case.queries, k=80)) == (len(case.row_ids) - cut, before)


@every_index
@given(case=cases())
def test_what_is_held_is_told_in_row_order_and_later_writes_do_not_change_it(open_it: OpenIndex, case: Case) -> None:
    index = case.filled(open_it)
    row_ids, codes = index.held_codes()
    before = row_ids.tolist(), codes.tolist()
    index.add(np.array([2**62 + 1], np.int64), np.zeros((1, case.n_bits // 8), np.uint8))
    index.remove(case.row_ids[:5])
    order = np.argsort(case.row_ids)
    assert before == (case.row_ids[order].tolist(), case.codes[order].tolist())
    assert (row_ids.tolist(), codes.tolist()) == before


@every_index
def test_growing_row_by_row_keeps_everything(open_it: OpenIndex) -> None:
    codes = np.random.default_rng(3).integers(0, 4, (200, 2), dtype=np.uint8)
    index = open_it(16)
    for row in range(200):
        index.add(np.array([row + 1]), codes[row : row + 1])
    assert index.search(codes[:5], k=200) == brute_force(Case(16, np.arange(1, 201), codes, codes[:5], 200, None), 200, None)


@every_index
def test_ties_beyond_one_block_of_the_scan_stay_in_row_order(open_it: OpenIndex) -> None:
    n_codes = 3_000 if open_it is FakeCodeIndex else 200_000
    index = open_it(64)
    index.add(np.arange(1, n_codes + 1), np.zeros((n_codes, 8), np.uint8))
    [hits] = index.search(np.zeros((1, 8), np.uint8), k=2_500)
    assert hits == [Hit(row, 0) for row in range(1, 2_501)]


@every_index
def test_what_is_added_may_be_changed_by_its_owner_afterwards(open_it: OpenIndex) -> None:
    row_ids, codes = np.array([5, 9]), np.zeros((2, 1), np.uint8)
    index = open_it(8)
    index.add(row_ids, codes)
    row_ids += 1
    codes[:] = 255
    assert index.search(np.zeros((1, 1), np.uint8), k=2) == [[Hit(5, 0), Hit(9, 0)]]


@every_index
def test_codes_that_are_a_view_of_others_are_read_right(open_it: OpenIndex) -> None:
    wide = np.arange(64, dtype=np.uint8).reshape(8, 8)
    index = open_it(16)
    index.add(np.arange(4), wide[::2, 2:4])
    assert index.search(wide[::2, 2:4], k=1) == [[Hit(row, 0)] for row in range(4)]


@every_index
def test_an_empty_index_answers_nothing(open_it: OpenIndex) -> None:
    index = open_it(8)
    assert (index.n_bits, len(index)) == (8, 0)
    assert index.search(np.zeros((2, 1), np.uint8), k=5) == [[], []]
    assert index.search(np.zeros((0, 1), np.uint8), k=5) == []


@every_index
def test_no_allowed_row_and_no_possible_radius_answer_nothing(open_it: OpenIndex) -> None:
    index = open_it(8)
    index.add(np.array([1]), np.zeros((1, 1), np.uint8))
    assert index.search(np.zeros((1, 1), np.uint8), k=5, allowed=[]) == [[]]
    assert index.search(np.zeros((1, 1), np.uint8), k=5, max_distance=-1) == [[]]


@every_index
def test_removing_rows_that_are_not_held_is_passed_over(open_it: OpenIndex) -> None:
    index = open_it(8)
    index.add(np.array([2, 4]), np.zeros((2, 1), np.uint8))
    assert index.remove(np.array([1, 2, 2, 3, 5])) == 1
    assert index.remove(np.array([], np.int64)) == 0
    assert len(index) == 1


@every_index
@pytest.mark.parametrize("row_ids", [[1, 7], [7, 7]], ids=["held already", "given twice"])
def test_a_repeated_row_is_refused_and_nothing_added(open_it: OpenIndex, row_ids: list[int]) -> None:
    index = open_it(8)
    index.add(np.array([1]), np.zeros((1, 1), np.uint8))
    with pytest.raises(CodeError, match="row id"):
        index.add(np.array(row_ids), np.zeros((2, 1), np.uint8))
    assert len(index) == 1


@every_index
@pytest.mark.parametrize(
    "codes",
    [np.zeros((1, 2), np.uint8), np.zeros((1, 1), np.int8), np.zeros(1, np.uint8)],
    ids=["other length", "other dtype", "other shape"],
)
def test_codes_of_another_kind_are_refused(open_it: OpenIndex, codes: UInt8) -> None:
    index = open_it(8)
    with pytest.raises(CodeError, match="packed codes"):
        index.add(np.array([1]), codes)
    with pytest.raises(CodeError, match="packed codes"):
        index.search(codes, k=1)


@every_index
@pytest.mark.parametrize("row_ids", [np.array([1, 2]), np.array([1], np.int32)], ids=["too many", "other dtype"])
def test_row_ids_that_do_not_fit_the_codes_are_refused(open_it: OpenIndex, row_ids: Int64) -> None:
    with pytest.raises(CodeError, match="row ids"):
        open_it(8).add(row_ids, np.zeros((1, 1), np.uint8))


@every_index
def test_k_must_be_positive(open_it: OpenIndex) -> None:
    with pytest.raises(CodeError, match="k must be"):
        open_it(8).search(np.zeros((1, 1), np.uint8), k=0)


@pytest.mark.parametrize("n_bits", [0, -8, 12])
def test_a_code_length_that_is_no_multiple_of_8_is_refused(n_bits: int) -> None:
    with pytest.raises(CodeError, match="multiple of 8"):
        open_index(n_bits)


@every_index
def test_searches_during_writes_see_whole_states(open_it: OpenIndex) -> None:
    codes = np.random.default_rng(5).integers(0, 256, (3_000, 8), dtype=np.uint8)
    index = open_it(64)
    index.add(np.arange(0, 3_000, 3), codes[::3])  # these stay all the time
    done = threading.Event()

    def write() -> None:
        for start in range(0, 1_000, 10):
            rows = np.arange(start * 3 + 1, (start + 10) * 3 + 1, 3)
            index.add(rows + 1, codes[rows + 1])
            index.add(rows, codes[rows])
            index.remove(rows + 1)
        done.set()

    def search() -> int:
        n_searches = 0
        while not (done.is_set() and n_searches) and n_searches < 2_000:
            query = codes[n_searches : n_searches + 1]
            [hits] = index.search(query, k=5_000)
            assert set(range(0, 3_000, 3)) <= {hit.row_id for hit in hits}
            assert [hit.distance for hit in hits] == hamming_distances(query, codes[[hit.row_id for hit in hits]])[0].tolist()
            assert hits == sorted(hits, key=lambda hit: (hit.distance, hit.row_id))
            n_searches += 1
        return n_searches

    with ThreadPoolExecutor(3) as pool:
        searches = [pool.submit(search) for _ in range(2)]
        pool.submit(write).result()
        assert all(search.result() > 0 for search in searches)
    assert len(index) == 2_000


def test_a_search_stays_on_one_core_in_whatever_thread_it_runs() -> None:
    index = open_index(8)
    index.add(np.array([1]), np.zeros((1, 1), np.uint8))

    def threads_after_a_search() -> int:
        faiss.omp_set_num_threads(2)
        index.search(np.zeros((1, 1), np.uint8), k=1)
        return int(faiss.omp_get_max_threads())

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(threads_after_a_search).result() == 1
