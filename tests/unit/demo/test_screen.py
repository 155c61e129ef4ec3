"""What is shown says what is true: figures beside chance, hits with their distance and shared labels."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from demo.client import Hit
from demo.screen import Screen
from demo.trainer import Figures


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def screen(shown: io.StringIO) -> Screen:
    return Screen(Console(file=shown, width=140))


def test_figures_stand_beside_chance(screen: Screen, shown: io.StringIO) -> None:
    screen.figures(Figures(0.7123, 0.6, 0.125, n_query=3, n_database=9, n_bits=64, bundle=Path("b")))
    assert all(word in shown.getvalue() for word in ("0.712", "0.600", "0.125", "3 queries", "9 items", "64 bits"))


def test_relevant_hits_have_a_tick_and_text_that_looks_like_markup_is_shown(screen: Screen, shown: io.StringIO) -> None:
    hits = [Hit("a[1]", 3, "[bold]x" + "y" * 90, ("dog", "cat")), Hit("b", 9, "z", ("bus",))]
    screen.hits("text “[red]”", hits, frozenset({"dog"}))
    first, second = (line for line in shown.getvalue().splitlines() if "a[1]" in line or "z" in line)
    assert all(word in first for word in ("[bold]x", "✓ dog, cat", "…"))
    assert "– bus" in second
    assert "“[red]”" in shown.getvalue()


def test_where_relevance_is_unknown_nothing_is_ticked(screen: Screen, shown: io.StringIO) -> None:
    screen.hits("words", [Hit("a", 3, "x", ("dog",))], frozenset())
    assert not {"✓", "–"} & set(shown.getvalue())


def test_steps_are_numbered_and_timed(screen: Screen, shown: io.StringIO) -> None:
    with screen.step("First"):
        screen.say("[plain]")
    with screen.step("Second"):
        pass
    assert [word in shown.getvalue() for word in ("1. First", "[plain]", "2. Second", " s")] == [True] * 4
