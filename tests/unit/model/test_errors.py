"""The tree of errors is the one its module draws, and errors carry what they promise."""

from __future__ import annotations

import inspect
import re

import pytest

from model import errors
from model.errors import ConfigError, HashingError, Overloaded


def error_classes() -> list[type[HashingError]]:
    return [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, HashingError)]


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for indent, name in re.findall(r"^    ([│├└─ ]*)(\w+)", inspect.getdoc(errors) or "", flags=re.MULTILINE):
        path[len(indent) // 4 :] = [name]
        drawn[name] = path[-2] if len(path) > 1 else "Exception"
    assert drawn == {cls.__name__: cls.__base__.__name__ for cls in error_classes()}


@pytest.mark.parametrize("cls", error_classes())
def test_every_error_says_what_it_was_told(cls: type[HashingError]) -> None:
    assert str(cls(["what went wrong"]) if cls is ConfigError else cls("what went wrong")) == "what went wrong"


def test_a_configurations_mistakes_are_all_there() -> None:
    error = ConfigError(["a: wrong", "b: wrong too"])
    assert (error.mistakes, str(error)) == (("a: wrong", "b: wrong too"), "a: wrong\nb: wrong too")


def test_an_overload_says_when_to_come_back() -> None:
    assert (Overloaded("full").retry_after_s, Overloaded("full", retry_after_s=7).retry_after_s) == (1, 7)
