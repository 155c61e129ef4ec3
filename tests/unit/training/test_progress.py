"""Bars appear with the first report and leave standard output alone."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from training.progress import epoch_bar, progress_bar


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(shown: io.StringIO) -> Console:
    return Console(file=shown, width=160)


def test_a_bar_shows_count_and_unit(console: Console, shown: io.StringIO) -> None:
    with progress_bar("reading", unit="images", console=console) as report:
        report(0, 20)
        report(7, 20)
        report(20, 20)
    assert "reading" in shown.getvalue()
    assert "20/20" in shown.getvalue()


def test_without_a_report_nothing_is_shown(console: Console, shown: io.StringIO) -> None:
    with progress_bar("reading", unit="images", console=console):
        pass
    assert shown.getvalue() == ""


def test_a_bar_that_waits_leaves_the_screen_to_another(console: Console, shown: io.StringIO) -> None:
    with epoch_bar("scbch", console=console) as report:
        with progress_bar("features", unit="images", console=console) as inner:
            inner(1, 1)
        report(3, 3, 0.5)
    assert shown.getvalue().index("features") < shown.getvalue().index("scbch: epochs, best validation mAP 0.500")


def test_an_error_closes_the_bar(console: Console, shown: io.StringIO) -> None:
    def work() -> None:
        with progress_bar("reading", unit="images", console=console) as report:
            report(1, 2)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        work()
    assert "1/2" in shown.getvalue()


def test_bars_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("reading", unit="images") as report:
        report(1, 1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "reading" in captured.err
