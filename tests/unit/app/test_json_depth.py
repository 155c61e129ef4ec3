import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.json_depth import JsonDepth, check_depth
from model.errors import InvalidRequest
from tests.builders import is_problem

JSON = st.recursive(
    st.none() | st.integers() | st.text() | st.text(alphabet='[]{}"\\'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='[{"\\x'), inner, max_size=3),
    max_leaves=12,
)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def is_let_through(content: bytes, max_depth: int, cuts: list[int]) -> bool:
    meter, edges = JsonDepth(max_depth), [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    try:
        for start, end in itertools.pairwise(edges):
            meter.feed(content[start:end])
    except InvalidRequest:
        return False
    return True


@given(JSON, st.lists(st.integers(0, 10_000), max_size=4), st.booleans())
def test_the_depth_is_that_of_what_the_parser_makes_of_it(value, cuts, ascii_only):
    content = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    assert is_let_through(content, depth(value), cuts)
    assert depth(value) == 0 or not is_let_through(content, depth(value) - 1, cuts)


def test_a_long_flat_list_is_not_deep():
    check_depth(b"[" + b"[],{}," * 100_000 + b"[]]")


@pytest.mark.parametrize("path", ["/search/text", "/index", "/search/mix", "/index/delete", "/search/many"])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_json_is_refused_before_it_is_parsed(client, path, opening):
    answer = client.post(path, content=opening * 5_000, headers={"content-type": "application/json"})
    is_problem(answer, 422, "invalid-request")
    assert "nested deeper than 64" in answer.json()["detail"]


@pytest.mark.parametrize(("path", "part"), [("/index", "items"), ("/search/mix", "query"), ("/encode", "query")])
def test_deep_json_in_a_form_is_refused_too(client, path, part):
    answer = client.post(path, files={part: (None, "[" * 100), "f": ("f", b"x")})
    is_problem(answer, 422, "invalid-request")
    assert "nested deeper than 64" in answer.json()["detail"]
