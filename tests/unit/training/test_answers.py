"""What the trainer's commands answer with: JSON last in a pipe, tables at a terminal."""

from __future__ import annotations

import io
import json
import sys

import pytest

from training.answers import answer

FACTS = {"bundle": "runs/first/bundle", "mean_map": 0.61234567, "shapes": [1, 2]}


def test_in_a_pipe_the_json_line_is_last(capsys: pytest.CaptureFixture[str]) -> None:
    answer(FACTS, as_json=False, readable="| a |\n|---|\n| 1 |")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| a |"
    assert json.loads(lines[-1]) == FACTS


def test_json_alone_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    answer(FACTS, as_json=True, readable="words")
    assert capsys.readouterr().out == json.dumps(FACTS) + "\n"


@pytest.mark.parametrize(("readable", "shown"), [("| a |\n|---|\n| 1 |", "a"), ("", "0.6123")])
def test_a_person_reads_a_table_and_no_json(readable: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", terminal)
    answer(FACTS, as_json=False, readable=readable)
    assert shown in terminal.getvalue()
    assert "{" not in terminal.getvalue()


def test_of_several_processes_the_main_one_alone_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    answer(FACTS, as_json=False, readable="words")
    assert capsys.readouterr().out == ""
