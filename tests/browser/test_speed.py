"""How long a visitor waits is printed; what a machine takes on a bad day is no error of the page."""

from __future__ import annotations

import sys

import pytest

from tests.browser.page import SearchPage
from tests.browser.speed import measure, told

pytestmark = pytest.mark.browser


def test_the_first_result_of_a_cached_query_is_drawn_at_once(library: SearchPage, capsys: pytest.CaptureFixture[str]) -> None:
    waited = measure(library, "a teal ring", n_times=5)
    with capsys.disabled():
        sys.stdout.write(f"\n{told(waited)}\n")
    assert all(0 < one.result_ms <= one.picture_ms for one in waited)
