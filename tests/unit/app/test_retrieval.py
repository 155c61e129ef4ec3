from collections.abc import Iterator

import numpy as np
import pytest

from app.catalog.base import Item, NewItem
from app.pace import Pace
from app.pools import Pool
from app.retrieval import Page, Retrieval, SearchBounds
from model.errors import InvalidRequest, Overloaded
from tests.fakes import FakeCatalog, FakeCodeIndex

pytestmark = pytest.mark.anyio
QUERY = b"\x00"


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool("searching", n_threads=1, max_waiting=8)
    yield pool
    pool.close()


def retrieval_over(pool: Pool, codes: list[int], *, vanished: set[int] | None = None) -> Retrieval:
    """Items "1", "2", … with one-byte text codes; the rows in ``vanished`` are in the index, but not in the catalogue."""
    index, catalog = FakeCodeIndex(8), FakeCatalog("b")
    rows = [
        answer.row_id for answer in catalog.upsert_many([NewItem(str(n + 1), text_code=bytes([c])) for n, c in enumerate(codes)])
    ]
    index.add(np.array(rows), np.array(codes, np.uint8)[:, None])
    catalog.delete_many([str(row) for row in vanished or ()])
    return Retrieval(indexes={"text": index, "image": FakeCodeIndex(8)}, catalog=catalog, pool=pool, max_k=10)


async def test_hits_come_by_distance_then_age(pool):
    found = (await retrieval_over(pool, [0b11, 0b1, 0b10, 0]).search(QUERY, SearchBounds("text"))).found
    assert [(one.item.item_id, one.distance) for one in found] == [("4", 0), ("2", 1), ("3", 1), ("1", 2)]
    assert isinstance(found[0].item, Item)


async def test_the_radius_is_inclusive_and_the_other_modality_is_not_searched(pool):
    retrieval = retrieval_over(pool, [0b11, 0b1, 0])
    assert len((await retrieval.search(QUERY, SearchBounds("text", max_distance=1))).found) == 2
    assert await retrieval.search(QUERY, SearchBounds("image")) == Page([], None)


@pytest.mark.parametrize("k", [1, 2, 3])
async def test_items_that_vanished_meanwhile_are_left_out_and_made_up_for(pool, k):
    retrieval = retrieval_over(pool, [0, 0, 0, 0b1, 0b11, 0b111], vanished={1, 2, 4})
    page = await retrieval.search(QUERY, SearchBounds("text", k=k))
    assert [one.item.item_id for one in page.found] == ["3", "5", "6"][:k]
    assert (page.next_cursor is None) == (k == 3)


async def test_when_everything_vanished_nothing_is_found(pool):
    assert await retrieval_over(pool, [0, 1], vanished={1, 2}).search(QUERY, SearchBounds("text", k=1)) == Page([], None)


@pytest.mark.parametrize("bounds", [SearchBounds("text", 1, 0), SearchBounds("text", 10, 8)])
async def test_bounds_at_the_limits_are_fine(pool, bounds):
    retrieval_over(pool, [0]).check(bounds)


@pytest.mark.parametrize(
    "bounds", [SearchBounds("text", 0), SearchBounds("text", 11), SearchBounds("text", 1, -1), SearchBounds("text", 1, 9)]
)
async def test_bounds_outside_the_limits_are_refused(pool, bounds):
    with pytest.raises(InvalidRequest, match="must be"):
        retrieval_over(pool, [0]).check(bounds)


async def test_quick_searches_of_rows_at_hand_do_not_go_to_the_pool(pool):
    catalog, index = FakeCatalog("b"), FakeCodeIndex(8)
    catalog.upsert_many([NewItem("a", text_code=QUERY)])
    index.add(np.array([1]), np.zeros((1, 1), np.uint8))
    at_hand = []
    retrieval = Retrieval(indexes={"text": index}, catalog=catalog, pool=pool, max_k=10, held=lambda rows: at_hand or None)
    bounds = SearchBounds("text")
    await retrieval.search(QUERY, bounds)  # the first one, by which the pace is known
    retrieval._paces["text"] = Pace(clock=lambda: 0.0)
    retrieval._paces["text"].took(0.0)
    assert [one.item.item_id for one in (await retrieval.search(QUERY, bounds)).found] == ["a"]  # its row has to be read
    pool.close()
    with pytest.raises(Overloaded):
        await retrieval.search(QUERY, bounds)
    at_hand = catalog.get_rows([1])
    assert [one.item.item_id for one in (await retrieval.search(QUERY, bounds)).found] == ["a"]
    with pytest.raises(Overloaded):
        await retrieval.search(QUERY, SearchBounds("text", dedupe=True))


class OneMoreWhileSearched(FakeCodeIndex):
    """Another code comes in each time just after the newest row was asked for."""

    @property
    def newest_row(self) -> int:
        newest = max(self.codes)
        self.add(np.array([newest + 1]), np.full((1, 1), 0xFF, np.uint8))
        return newest


async def test_a_page_that_is_promised_is_not_empty_although_codes_come_in_while_the_first_is_searched(pool):
    catalog, index = FakeCatalog("b"), OneMoreWhileSearched(8)
    catalog.upsert_many([NewItem(str(n), text_code=bytes([n])) for n in range(9)])
    index.add(np.array([1, 2]), np.array([[0], [1]], np.uint8))
    retrieval = Retrieval(indexes={"text": index}, catalog=catalog, pool=pool, max_k=10, held=catalog.get_rows)
    retrieval._paces["text"] = Pace(clock=lambda: 0.0)
    retrieval._paces["text"].took(0.0)
    page = await retrieval.search(QUERY, SearchBounds("text", k=2))
    assert [one.item.item_id for one in page.found] == ["0", "1"]
    [third] = (await retrieval.search(QUERY, SearchBounds("text", k=2, cursor=page.next_cursor))).found
    assert third.item.item_id == "2"
