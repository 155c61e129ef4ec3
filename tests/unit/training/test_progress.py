"""Bars tell what is done, how far it is and how well it goes, and leave standard output alone."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from training.progress import epoch_bar, progress_bar


def screen() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=True, width=120, color_system=None), file


def test_a_bar_shows_label_count_and_total() -> None:
    console, file = screen()
    with progress_bar("image features of query", unit="images", console=console) as advance:
        advance(3, 10)
        advance(10, 10)
    assert "image features of query" in file.getvalue()
    assert "10/10" in file.getvalue()


def test_an_epoch_bar_shows_the_best_map_so_far() -> None:
    console, file = screen()
    with epoch_bar("scbch, 64 bits", console=console) as show:
        show(1, 30, 0.51234)
        show(2, 30, 0.6)
    assert "scbch, 64 bits: epochs, best validation mAP 0.600" in file.getvalue()
    assert "2/30" in file.getvalue()


def test_a_bar_that_is_never_told_anything_ends_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("nothing to do", unit="images"):
        pass
    assert capsys.readouterr().out == ""
