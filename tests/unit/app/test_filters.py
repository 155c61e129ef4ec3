"""Filters from JSON: what is read, what is refused, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.filter_reading import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES, parse_filter, read_filter
from app.filters import MAX_CHARS, AllOf, AnyOf, Exists, Not, OneOf, Within, as_double, keys_of, path_of
from model.errors import BadFilter

CONDITION = {"field": "a", "eq": 1}


def nested(depth):
    return CONDITION if depth == 1 else {"not": nested(depth - 1)}


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ({"field": "a.b", "eq": "x"}, OneOf("a.b", ("x",))),
        ({"field": "a", "in": [1, True, None]}, OneOf("a", (1.0, True, None))),
        ({"field": "a", "lt": 5, "gte": 1}, Within("a", (("gte", 1.0), ("lt", 5.0)))),
        ({"field": "day", "gt": "2024"}, Within("day", (("gt", "2024"),))),
        ({"field": "a", "exists": True}, Exists("a")),
        ({"field": "a", "exists": False}, Not(Exists("a"))),
        ({"and": [CONDITION, {"not": {"or": [CONDITION]}}]}, AllOf((OneOf("a", (1.0,)), Not(AnyOf((OneOf("a", (1.0,)),)))))),
    ],
)
def test_a_filter_becomes_an_expression(raw, expression):
    assert parse_filter(raw) == expression


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (5, "filter: "),
        ([], "filter: "),
        ({}, "filter: "),
        ({"and": [CONDITION], "or": [CONDITION]}, "filter: "),
        ({"xor": [CONDITION]}, "filter: "),
        ({"and": []}, "filter.and: "),
        ({"or": CONDITION}, "filter.or: "),
        ({"not": [CONDITION]}, "filter.not: "),
        ({"and": [CONDITION, {"not": {"field": "a", "gte": None}}]}, "filter.and[1].not.gte: "),
        ({"field": 5, "eq": 1}, "filter.field: "),
        ({"field": "a\\b", "eq": 1}, "filter.field: "),
        ({"field": "a\\", "eq": 1}, "filter.field: "),
        ({"field": "a" * (MAX_CHARS + 1), "eq": 1}, "filter.field: "),
        ({"field": "a"}, "filter: "),
        ({"field": "a", "like": "x"}, "filter: "),
        ({"field": "a", "eq": 1, "gt": 0}, "filter: "),
        ({"field": "a", "eq": 1, "and": [CONDITION]}, "filter: "),
        ({"field": "a", "exists": 1}, "filter.exists: "),
        ({"field": "a", "eq": [1]}, "filter.eq: "),
        ({"field": "a", "eq": {"b": 1}}, "filter.eq: "),
        ({"field": "a", "eq": float("nan")}, "filter.eq: "),
        ({"field": "a", "eq": "x" * (MAX_CHARS + 1)}, "filter.eq: "),
        ({"field": "a", "in": []}, "filter.in: "),
        ({"field": "a", "in": "text"}, "filter.in: "),
        ({"field": "a", "in": [1, []]}, "filter.in[1]: "),
        ({"field": "a", "gt": True}, "filter.gt: "),
        ({"field": "a", "gt": 1, "lt": "b"}, "filter: "),
        (nested(MAX_DEPTH + 1), "filter" + ".not" * MAX_DEPTH + ": "),
        ({"or": [CONDITION] * (MAX_CONDITIONS + 1)}, f"filter.or[{MAX_CONDITIONS}]: "),
        ({"field": "a", "in": [1] * (MAX_VALUES + 1)}, f"filter.in[{MAX_VALUES}]: "),
    ],
)
def test_a_mistake_is_told_with_its_place(raw, place):
    with pytest.raises(BadFilter) as caught:
        parse_filter(raw)
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize(
    "raw",
    [nested(MAX_DEPTH), {"or": [CONDITION] * MAX_CONDITIONS}, {"field": "a" * MAX_CHARS, "in": ["x" * MAX_CHARS] * MAX_VALUES}],
)
def test_filters_at_the_limits_are_fine(raw):
    parse_filter(raw)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"field": "a", "eq": NaN}'])
def test_a_text_that_is_no_filter_is_refused(text):
    with pytest.raises(BadFilter):
        read_filter(text)


def test_a_text_that_is_a_filter_is_read():
    assert read_filter('{"field": "a", "eq": 1}') == read_filter('{"eq": 1.0, "field": "a"}') == OneOf("a", (1.0,))


@given(keys=st.lists(st.text(alphabet="ab.\\"), min_size=1, max_size=5))
def test_a_path_names_its_keys_and_no_others(keys):
    assert keys_of(path_of(keys)) == tuple(keys)


def test_numbers_beyond_all_doubles_are_infinite():
    assert [as_double(n) for n in (3, 10**400, -(10**400))] == [3.0, float("inf"), float("-inf")]
