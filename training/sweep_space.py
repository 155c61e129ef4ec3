"""What a sweep varies: settings with ranges or choices, read from the command line.

Decides their notation, and which settings may not be swept because they change what is measured. Does not know the sampler.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import product
from pathlib import Path
from typing import Any

from model.errors import ConfigError
from training.config import load_config

_MEASURED = ("data.*", "noise.*", "*.seed", "training.selection", "training.validation_fraction")


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two bounds, both included.

    Attributes:
        key: ``section.key`` of the setting.
        low: Lower bound.
        high: Upper bound.
        whole: Whether only whole numbers are meant.
        log: Whether factors matter instead of differences.
        step: Distance of neighbouring values; None for any value.
    """

    key: str
    low: float
    high: float
    whole: bool = False
    log: bool = False
    step: float | None = None

    def probes(self) -> list[str]:
        """Returns values in TOML that must be good settings: both bounds, and those next to the lower one and to the middle."""
        step = self.step or (1 if self.whole else (self.high - self.low) * 0.3819)
        inner = [self.low + step * n for n in (1, round((self.high - self.low) / step / 2))]
        values = [self.low, self.high, *(value for value in inner if self.low < value < self.high)]
        return [self.to_toml(value) for value in values]

    def to_toml(self, value: float) -> str:
        """Writes a value as configurations have it.

        Args:
            value: Between the bounds.

        Returns:
            TOML.
        """
        return str(int(value)) if self.whole else repr(float(value))


@dataclass(frozen=True, slots=True)
class Choice:
    """Some values, without order.

    Attributes:
        key: ``section.key`` of the setting.
        values: In TOML.
    """

    key: str
    values: tuple[str, ...]

    def probes(self) -> list[str]:
        """Returns all values."""
        return list(self.values)

    def to_toml(self, value: str) -> str:
        """Returns the value.

        Args:
            value: One of them.

        Returns:
            TOML.
        """
        return value


Space = Range | Choice


def read_spaces(config: Path, overrides: Sequence[str], texts: Sequence[str]) -> list[Space]:
    """Reads what is varied, and tries out values of it.

    Args:
        config: TOML configuration that is varied.
        overrides: ``section.key=value`` each, laid over it.
        texts: ``key=low..high`` with ``:log``, ``:int`` or ``:step`` behind it, or ``key=value,value,…``.

    Returns:
        The spaces, in order.

    Raises:
        ConfigError: If the configuration is wrong, or a space cannot be read, is given twice, may not be swept, or has values that
            the configuration does not take; lists every mistake.
    """
    base = load_config(config, overrides)
    mistakes: list[str] = []
    if getattr(base.training, "selection", "validation") != "validation":
        mistakes.append("training.selection: a sweep never looks at the query split; epochs must be chosen on validation")
    spaces: list[Space] = []
    for text in texts:
        try:
            spaces.append(_parse(text))
        except ValueError as error:
            mistakes.append(f"--space {text}: {error}")
    keys = [space.key for space in spaces]
    mistakes += [f"--space {key}: is given more than once" for key in sorted({key for key in keys if keys.count(key) > 1})]
    for space in spaces:
        mistakes += [f"--space {space.key}: {mistake}" for mistake in _refused(space, config, overrides, spaces)]
    if mistakes:
        raise ConfigError(mistakes)
    return spaces


def _refused(space: Space, config: Path, overrides: Sequence[str], spaces: Sequence[Space]) -> list[str]:
    """Says what is wrong with a space's values; a method's options must fit every method that is swept."""
    if any(fnmatch(space.key, pattern) for pattern in _MEASURED):
        return ["changes what is measured, not how well; set it with --set"]
    swept = [other.probes() for other in spaces if other.key == "method.name" and space.key.startswith("method.options.")]
    methods = [[f"method.name={name}"] for name in swept[0]] if swept else [[]]
    found: dict[str, str] = {}
    for method, value in product(methods, space.probes()):
        try:
            load_config(config, [*overrides, *method, f"{space.key}={value}"])
        except ConfigError as error:
            found.update((mistake, value) for mistake in error.mistakes if mistake not in found)
    return [f"{mistake} (at {value})" for mistake, value in found.items()]


def _parse(text: str) -> Space:
    key, separator, values = (part.strip() for part in text.partition("="))
    if not (separator and "." in key and values):
        raise ValueError("expected section.key=low..high or section.key=value,value")
    return _parse_range(key, values) if ".." in values else _parse_choice(key, values)


def _parse_range(key: str, text: str) -> Range:
    bounds, *marks = text.split(":")
    low, high = (_number(part) for part in bounds.split("..", 1))
    steps = [_number(mark) for mark in marks if mark not in {"log", "int"}]
    whole, log, step = "int" in marks, "log" in marks, steps[0] if steps else None
    if len(marks) != len(set(marks)) or len(steps) > 1:
        raise ValueError("gives a mark twice")
    if not low < high:
        raise ValueError("the lower bound must be below the upper one")
    if log and (low <= 0 or step is not None):
        raise ValueError("a logarithmic range starts above 0 and has no step")
    if step is not None and not 0 < step <= high - low:
        raise ValueError("the step must be positive and no wider than the range")
    if whole and not all(value.is_integer() for value in (low, high, step or 1.0)):
        raise ValueError("a range of whole numbers has whole bounds and a whole step")
    return Range(key, low, high, whole=whole, log=log, step=step)


def _parse_choice(key: str, text: str) -> Choice:
    try:
        found = tomllib.loads(f"values = [{text}]")["values"]
    except tomllib.TOMLDecodeError:
        found = [_value(part.strip()) for part in text.split(",")]
    values = tuple(dict.fromkeys(json.dumps(value) for value in found))
    if len(values) < 2 or len(values) < len(found):
        raise ValueError("expected two values or more, all different; a fixed value is set with --set")
    return Choice(key, values)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a number nor log or int") from None
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not finite")
    return value
