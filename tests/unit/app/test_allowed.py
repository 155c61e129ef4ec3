from app.allowed import AllowedRows
from app.catalog.base import NewItem
from app.filter_reading import parse_filter
from tests.fakes import FakeCatalog


class CountingCatalog(FakeCatalog):
    n_asked = 0

    def matching(self, expression):
        self.n_asked += 1
        return super().matching(expression)


def equals(value):
    return parse_filter({"field": "n", "eq": value})


def filled():
    catalog = CountingCatalog("one")
    catalog.upsert_many([NewItem(str(n), payload={"n": n}, text_code=b"t") for n in range(3)])
    return catalog, AllowedRows(catalog)


def test_the_same_question_is_asked_once_until_something_is_written():
    catalog, allowed = filled()
    assert [allowed.of(equals(1)).tolist() for _ in range(3)] == [[2]] * 3
    assert catalog.n_asked == 1
    catalog.delete_many(["1"])
    assert allowed.of(equals(1)).tolist() == []
    assert catalog.n_asked == 2


def test_one_and_true_are_two_questions():
    _, allowed = filled()
    assert (len(allowed.of(equals(1))), len(allowed.of(equals(True)))) == (1, 0)


def test_the_questions_asked_last_are_kept():
    catalog, allowed = filled()
    for n in [*range(8), 0, 8, 0]:
        allowed.of(equals(n))
    assert catalog.n_asked == 9
    allowed.of(equals(1))
    assert catalog.n_asked == 10
