"""Answers are put together by hand: they must be what the schema says, whatever stands in an item."""

import json

import pytest

from app.catalog.base import ImageFile, Item
from app.encoder import Encoded
from app.expectations import Expectations
from app.hits import answer_of, answers_of, parts_of
from app.kept_rows import ShownItem
from app.query_schemas import ManyOut, SearchOut
from app.retrieval import FoundItem, Page, SearchBounds
from tests.builders import whole_calibration

DISTANCES = Expectations(whole_calibration(), 64).written("text", "image")
NEAR = {"expected_precision": 0.9, "precision_interval": [0.85, 0.95]}
IMAGE = ImageFile("0" * 64, "image/png", 1, 1)
PAYLOADS = [{}, {"a": [1, 2.5, None, True, {"b": 'ü\u2028"\\'}]}, {"large": 2**80, "tiny": 5e-324, "nul": "\x00"}]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("text", [None, "", "ein Käfer 🐞 </script>"])
@pytest.mark.parametrize("image", [None, IMAGE])
def test_an_answer_is_what_the_schema_says_with_its_fields_in_order(payload, text, image):
    item = Item('a/ü "', text, image, payload, row_id=3)
    shown = ShownItem('a/ü "', text, image, payload, row_id=3, parts=parts_of(item))
    page = Page([FoundItem(item, 0), FoundItem(shown, 64)], "next")
    written = answer_of(page, SearchBounds("image"), ("text", Encoded(b"\x00\xff", cached=True), "bundle"), DISTANCES)
    answer = json.loads(written)
    assert SearchOut.model_validate_json(written).model_dump(exclude_unset=True) == answer
    assert list(answer["hits"][0]) == list(SearchOut.model_validate_json(written).hits[0].model_dump(exclude_unset=True))
    url = "/index/a%2F%C3%BC%20%22/image" if image else None
    first = {"id": 'a/ü "', "distance": 0, **NEAR, "target": "image", "text": text, "payload": payload, "image_url": url}
    assert answer["hits"] == [first, first | {"distance": 64, "expected_precision": 0.1, "precision_interval": [0.05, 0.15]}]
    assert answer["query"] == {"modality": "text", "code": "00ff", "bundle_id": "bundle", "cached": True, "familiarity": None}


def test_nothing_found_is_an_answer_as_well():
    written = answer_of(Page([], None), SearchBounds("text"), (None, Encoded(b"\x01", cached=False), "b"), DISTANCES)
    assert SearchOut.model_validate_json(written).model_dump(exclude_unset=True) == json.loads(written)
    assert ManyOut.model_validate_json(answers_of([written, written], 0)).n_failed == 0
    assert (json.loads(written)["no_match"], json.loads(written)["no_match_reason"]) == (False, None)
    assert json.loads(answers_of([], 0)) == {"results": [], "n_failed": 0}


def test_half_a_surrogate_pair_leaves_as_it_came():
    page = Page([FoundItem(Item("a", payload={"x": "\ud800"}), 1)], None)
    written = answer_of(page, SearchBounds("text"), (None, Encoded(b"", False), "b"), DISTANCES)
    assert json.loads(written)["hits"][0]["payload"] == {"x": "\ud800"}


@pytest.mark.parametrize(
    ("least", "reason"),
    [({"min_precision": 0.99}, "too_far"), ({"min_familiarity": 0.1}, "unfamiliar"), ({"min_familiarity": 0.05}, None)],
)
def test_an_empty_answer_says_which_bound_left_nothing(least, reason):
    encoded = Encoded(b"\x01", cached=False, familiarity=0.05)
    written = answer_of(Page([], None), SearchBounds("text", **least), ("text", encoded, "b"), DISTANCES)
    answer = SearchOut.model_validate_json(written)
    assert (answer.no_match, answer.no_match_reason, answer.query.familiarity) == (reason is not None, reason, 0.05)
