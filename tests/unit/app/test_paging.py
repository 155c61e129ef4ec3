"""Pages of one search: each item that stays comes once, whatever happens meanwhile."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.base import NewItem
from app.filter_reading import parse_filter
from app.index.faiss_flat import FaissFlatIndex
from app.media import MediaStore
from app.pools import Pool
from app.retrieval import Page, Retrieval, SearchBounds
from app.writer import ItemWriter
from model.errors import BundleMismatch, InvalidRequest
from tests.fakes import FakeCatalog, FakeCodeIndex

pytestmark = pytest.mark.anyio
QUERY = b"\x00"


class Shelf:
    """A catalogue and its index, written as the service writes them, and pages of a search over them."""

    def __init__(self, folder, pool: Pool, *, index=FaissFlatIndex) -> None:
        self.catalog, self.index = FakeCatalog("one"), index(8)
        self.writer = ItemWriter(
            catalog=self.catalog, indexes={"text": self.index, "image": FakeCodeIndex(8)}, media=MediaStore(folder / "media")
        )
        self.retrieval = Retrieval(indexes={"text": self.index}, catalog=self.catalog, pool=pool, max_k=1000)

    def put(self, codes: dict[str, int]) -> None:
        self.writer.write([NewItem(name, "t", payload={"code": c}, text_code=bytes([c])) for name, c in codes.items()], {})

    async def page(self, bounds: SearchBounds) -> tuple[list[str], str | None]:
        page: Page = await self.retrieval.search(QUERY, bounds)
        return [one.item.item_id for one in page.found], page.next_cursor


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool("searching", n_threads=1, max_waiting=8)
    yield pool
    pool.close()


@pytest.fixture
def shelf(tmp_path, pool) -> Shelf:
    return Shelf(tmp_path, pool)


async def all_pages(shelf: Shelf, bounds: SearchBounds) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        names, cursor = await shelf.page(replace(bounds, cursor=cursor))
        pages.append(names)
        if cursor is None:
            return pages


async def test_ten_thousand_tied_items_come_once_each_while_others_are_inserted(shelf):
    shelf.put({f"tie {n}": 1 for n in range(10_000)})
    seen, cursor = [], None
    while True:
        names, cursor = await shelf.page(SearchBounds("text", 700, cursor=cursor))
        seen += names
        shelf.put({f"new {len(seen)}": 1, f"nearer {len(seen)}": 0})
        if cursor is None:
            break
    assert seen == [f"tie {n}" for n in range(10_000)]


@pytest.mark.parametrize("dedupe", [False, True])
@pytest.mark.parametrize("k", [1, 2, 3, 7])
async def test_the_last_page_says_that_nothing_more_is_left(shelf, k, dedupe):
    shelf.put({str(n): code for n, code in enumerate([1, 1, 0, 3, 1, 2, 3])})
    whole = [name for names in await all_pages(shelf, SearchBounds("text", 100, dedupe=dedupe)) for name in names]
    assert whole == (["2", "0", "5", "3"] if dedupe else ["2", "0", "1", "4", "5", "3", "6"])
    pages = await all_pages(shelf, SearchBounds("text", k, dedupe=dedupe))
    assert pages == [whole[start : start + k] for start in range(0, len(whole), k)]


async def test_the_radius_the_filter_and_the_left_out_item_hold_on_every_page(shelf):
    shelf.put({str(n): code for n, code in enumerate([0, 1, 2, 3, 4, 255, 1])})
    [without] = shelf.catalog.get_many(["1"])
    bounds = SearchBounds("text", 1, 1, parse_filter({"not": {"field": "code", "eq": 4}}), without=without)
    assert await all_pages(shelf, bounds) == [["0"], ["2"], ["6"]]


async def test_of_the_left_out_items_equals_one_still_stands_for_the_code(shelf):
    shelf.put({"asked": 0, "same": 0, "same again": 0})
    [asked] = shelf.catalog.get_many(["asked"])
    assert await all_pages(shelf, SearchBounds("text", 5, dedupe=True, without=asked)) == [["same"]]


async def test_a_cursor_serves_its_own_search_only_whatever_k_is(shelf):
    shelf.put(dict.fromkeys("abcde", 0))
    bounds = SearchBounds("text", 2)
    bounds = replace(bounds, cursor=(await shelf.page(bounds))[1])
    assert (await shelf.page(replace(bounds, k=10)))[0] == ["c", "d", "e"]
    for other in ({"max_distance": 3}, {"dedupe": True}, {"filter": parse_filter({"field": "x", "eq": 1})}):
        with pytest.raises(InvalidRequest, match="another search"):
            await shelf.page(replace(bounds, **other))
    with pytest.raises(InvalidRequest, match="another search"):
        await shelf.retrieval.search(b"\x01", bounds)
    shelf.catalog.bundle_id = "two"
    with pytest.raises(BundleMismatch):
        await shelf.page(bounds)


changes = st.lists(
    st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from("abcdefghijkl"), st.sampled_from([0, 1, 2, 3])), max_size=4
)


@given(
    first=st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([0, 1, 2, 3]), min_size=1),
    k=st.integers(1, 3),
    meanwhile=st.lists(changes, max_size=6),
    index=st.sampled_from([FaissFlatIndex, FakeCodeIndex]),
)
async def test_every_item_that_stays_comes_once_and_no_item_twice(tmp_path_factory, pool, first, k, meanwhile, index):
    shelf = Shelf(tmp_path_factory.mktemp("shelf"), pool, index=index)
    shelf.put(first)
    touched, seen, cursor = set(), [], None
    while True:
        names, cursor = await shelf.page(SearchBounds("text", k, cursor=cursor))
        seen += names
        if cursor is None:
            break
        for what, name, code in meanwhile.pop() if meanwhile else ():
            touched.add(name)
            if what == "put":
                shelf.put({name: code})
            elif shelf.catalog.get_many([name])[0]:
                shelf.writer.delete(name)
    counts = Counter(seen)
    assert max(counts.values()) == 1
    assert {name for name in first if name not in touched} <= counts.keys() <= first.keys()


class BusyIndex(FaissFlatIndex):
    """Something happens right before each search."""

    def search(self, packed_codes, **asked):
        self.before_search()
        return super().search(packed_codes, **asked)

    def before_search(self) -> None:
        pass


async def test_what_is_added_while_the_first_page_is_made_is_no_part_of_the_next(tmp_path, pool):
    shelf = Shelf(tmp_path, pool, index=BusyIndex)
    shelf.put(dict.fromkeys("abc", 0))
    shelf.index.before_search = lambda: shelf.put({f"new {shelf.catalog.revision}": 0})
    assert await all_pages(shelf, SearchBounds("text", 3)) == [["a", "b", "c"]]


async def test_another_row_stands_for_a_code_whose_first_row_is_gone(shelf):
    shelf.put({"gone": 0, "also gone": 0, "stays": 0, "far": 1})
    shelf.catalog.delete_many(["gone", "also gone"])  # the index still has them
    assert await all_pages(shelf, SearchBounds("text", 1, dedupe=True)) == [["stays"], ["far"]]
