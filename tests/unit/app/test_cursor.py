import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cursor import Cursor, read_cursor, write_cursor
from model.errors import BundleMismatch, InvalidRequest

CURSOR = Cursor(9, 2**60, 2**62)
TEXT = write_cursor(CURSOR, bundle_id="one", search="red cat")


@given(cursor=st.builds(Cursor, st.integers(0, 2**16), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)), search=st.text())
def test_a_cursor_comes_back_as_it_was(cursor, search):
    text = write_cursor(cursor, bundle_id="one", search=search)
    assert read_cursor(text, bundle_id="one", search=search) == cursor
    assert len(text) == 52


def test_a_cursor_of_another_search_or_bundle_is_refused():
    with pytest.raises(InvalidRequest, match="another search"):
        read_cursor(TEXT, bundle_id="one", search="blue dog")
    with pytest.raises(BundleMismatch, match="first page"):
        read_cursor(TEXT, bundle_id="two", search="red cat")


@pytest.mark.parametrize("at", range(0, 52, 5))
def test_a_changed_cursor_is_refused(at):
    changed = TEXT[:at] + ("A" if TEXT[at] != "A" else "B") + TEXT[at + 1 :]
    with pytest.raises(InvalidRequest, match="not the next_cursor"):
        read_cursor(changed, bundle_id="one", search="red cat")


@pytest.mark.parametrize("text", ["", "x", "é" * 52, TEXT[:-4], TEXT + "AAAA", TEXT + "\n", "=" * 52, "\ud800"])
def test_a_text_that_is_no_cursor_is_refused(text):
    with pytest.raises(InvalidRequest, match="not the next_cursor"):
        read_cursor(text, bundle_id="one", search="red cat")
