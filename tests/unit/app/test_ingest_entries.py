import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest_entries import MAX_ID, Columns, id_of, plain, read_record, read_words, show
from app.schemas import read_item
from model.errors import InputError
from tests.ingest_world import PLAIN


def test_usual_columns_are_known_and_all_else_is_payload():
    row = {
        "id": 7,
        "file_name": "a.jpg",
        "caption": "a cat",
        "title": "Cat",
        "year": 1999,
        "payload": {"album": 1},
        "": "",
        "n": None,
    }
    record = read_record(row, PLAIN)
    assert (record.item_id, record.image, record.text) == ("7", "a.jpg", "a cat")
    assert record.payload == {"title": "Cat", "year": 1999, "album": 1}


def test_columns_may_have_other_names_and_texts_may_be_numbers():
    columns = Columns("nr", "bild", "worte", ("year", "price"))
    record = read_record({"nr": "007", "bild": "a.jpg", "worte": "x", "year": "1999", "price": "1.5", "id": "other"}, columns)
    assert (record.item_id, record.image, record.text) == ("007", "a.jpg", "x")
    assert record.payload == {"year": 1999, "price": 1.5, "id": "other"}


def test_of_several_captions_the_first_counts():
    assert read_words({"text": ["one", "two"]}, PLAIN) == ("one", {})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": 1.5}, "the id"),
        ({"id": True}, "the id"),
        ({"text": 7}, "the caption"),
        ({"payload": "x"}, "the payload is no object"),
        ({"n": float("nan")}, "no JSON"),
        ({"n": {1}}, "no JSON"),
        ({"year": "soon"}, "year: 'soon' is no number"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_told(row, reason):
    with pytest.raises(InputError, match=reason):
        read_record(row, Columns(numbers=("year",)))


def test_a_name_is_its_own_id_where_it_can_be():
    assert id_of("a/ü b.jpg") == "a/ü b.jpg"
    assert id_of("caf\udce9\n.jpg") == "caf\ufffdE9\ufffd0A.jpg" == show("caf\udce9\n.jpg")
    assert (id_of("."), id_of("..")) == ("./.", "./..")


@given(st.text(st.characters(), min_size=1, max_size=600))
def test_every_name_becomes_an_id_that_the_service_takes_and_stays_it(name):
    item_id = id_of(name)
    assert read_item({"id": item_id, "text": "x"}).id == item_id
    assert len(item_id) <= MAX_ID
    assert id_of(item_id) == item_id


def test_long_names_that_begin_alike_have_different_ids():
    assert id_of("a" * 300 + "1") != id_of("a" * 300 + "2")


def test_a_payload_is_as_the_service_gives_it_back():
    assert plain({"a": (1, 2), 7: "x"}) == {"a": [1, 2], "7": "x"}
