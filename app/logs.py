"""Log lines: every logger's, through one pipe, as JSON or for a reader's eyes.

Decides their form and that each carries what is known of the request it belongs to. Modules log with ``logging``, an event's fields
as ``extra``. Does not know what is logged.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from functools import lru_cache
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

LogFormat = Literal["console", "json"]
ACCESS = "app.access"
"""The logger of requests."""
ACCESS_FIELDS = ("method", "route", "status", "latency_ms", "n_bytes", "key_name")
"""What a request's line may carry besides what is known of all its lines."""
_PLAIN = re.compile(r"[\w./:{}*-]+", re.ASCII)
_AS_JSON = json.JSONEncoder(ensure_ascii=False).encode
_NO_FIELDS: dict[str, str] = {}
_fields: ContextVar[dict[str, str]] = ContextVar("fields", default=_NO_FIELDS)  # never changed in place
_access, _app = logging.getLogger(ACCESS), logging.getLogger("app")
_ANSWERED = logging.LogRecord(ACCESS, logging.INFO, "", 0, "request", None, None).__dict__


def set_up_logging(level: str, log_format: LogFormat = "console", stream: TextIO | None = None) -> None:
    """Sends the log lines of all loggers, and Python's warnings, to standard error.

    Args:
        level: Least important level that is logged.
        log_format: ``console`` for readers, ``json`` for machines: one object a line.
        stream: Where to write instead.
    """
    made = formatter(log_format, colors=(stream or sys.stderr).isatty())
    handler = _Lines(made, stream) if isinstance(made, _Formatter) else logging.StreamHandler(stream)
    handler.setFormatter(made)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.captureWarnings(True)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line tells them, and each takes its time


def formatter(log_format: LogFormat, *, colors: bool = False) -> logging.Formatter:
    """Makes what turns a record into a line.

    Args:
        log_format: For whom.
        colors: Whether the reader's terminal shows colours.

    Returns:
        A formatter for a handler of ``logging``.
    """
    before: list[Processor] = [
        _with_fields,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _without_framework_extras,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    plain = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    as_json: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    shown: list[Processor] = as_json if log_format == "json" else [plain]
    thorough = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown]
    )
    return thorough if colors else _Formatter(thorough, as_json=log_format == "json")


class _Formatter(logging.Formatter):
    """Writes the line of a request, of which there are as many as requests, in a tenth of the time that others take."""

    def __init__(self, thorough: logging.Formatter, *, as_json: bool) -> None:
        super().__init__()
        self._thorough = thorough
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Turns a record into a line.

        Args:
            record: The record.

        Returns:
            The line.
        """
        if record.name != ACCESS or record.exc_info:
            return self._thorough.format(record)
        given = record.__dict__
        facts = {name: given[name] for name in ACCESS_FIELDS if name in given}
        return self.line(facts, record.created, level=record.levelname.lower(), event=record.getMessage())

    def line(self, facts: Mapping[str, Any], created: float, *, level: str = "info", event: str = "request") -> str:
        """Writes the line of a request.

        Args:
            facts: What is known of it.
            created: When, seconds since the epoch.
            level: How important it is, in lower case.
            event: What has happened.

        Returns:
            The line.
        """
        fields: dict[str, Any] = {**facts, **_fields.get()}
        timestamp = _timestamp(created)
        if self._as_json:
            return _AS_JSON({"event": event, "level": level, "logger": ACCESS, **fields, "timestamp": timestamp})
        said = [
            f"{name}={value if isinstance(value, str) and _PLAIN.fullmatch(value) else repr(value)}"
            for name, value in fields.items()
        ]
        return f"{timestamp} [{level:<9}] {event:<30} [{ACCESS}] {' '.join(said)}"


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines of all loggers, and those of requests without a record where nobody else would see it."""

    def __init__(self, made: _Formatter, stream: TextIO | None) -> None:
        super().__init__(stream)
        self._made = made
        self._alone: list[logging.Handler] = [self]

    def wrote(self, facts: Mapping[str, Any]) -> bool:
        """Writes the line of a request, unless the usual way has to be gone.

        Args:
            facts: What is known of it.

        Returns:
            Whether it is written.
        """
        if logging.root.handlers != self._alone or _access.handlers or _app.handlers or self.filters or _access.filters:
            return False
        line = self._made.line(facts, time.time()) + self.terminator
        try:
            with self.lock or nullcontext():
                self.stream.write(line)
                self.stream.flush()
        except (OSError, ValueError):  # the usual way knows what to do about a stream that is gone
            return False
        return True


def log_request(facts: Mapping[str, Any]) -> None:
    """Logs that a request has been answered, at the level ``info``.

    The record, where one is needed, is made from one that is there, as looking for the line of code that logs, and for a process
    and a thread that no line tells, takes longer than all else.

    Args:
        facts: What is known of it, of :data:`ACCESS_FIELDS`.
    """
    if not _access.isEnabledFor(logging.INFO):
        return
    first = logging.root.handlers[0] if logging.root.handlers else None
    if isinstance(first, _Lines) and first.wrote(facts):
        return
    created = time.time()
    passed_s = created - _ANSWERED["created"]
    times = {
        "created": created,
        "msecs": math.floor(created % 1 * 1000) + 0.0,
        "relativeCreated": _ANSWERED["relativeCreated"] + 1000 * passed_s,
    }
    record = logging.LogRecord.__new__(logging.LogRecord)
    record.__dict__.update(_ANSWERED, **times, **facts)
    _access.handle(record)


class _LoggedWith:
    """A block, all of whose lines carry more fields."""

    __slots__ = ("_names", "_token")

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self._token: Token[dict[str, str]]

    def __enter__(self) -> Mapping[str, str]:
        self._token = _fields.set(_fields.get() | self._names)
        return self._names

    def __exit__(self, *_: object) -> None:
        _fields.reset(self._token)


def logged_with(**names: str) -> AbstractContextManager[Mapping[str, str]]:
    """Adds fields to every line logged in the block, also in threads that work for it.

    Args:
        **names: The fields.

    Returns:
        A context manager around the block, which gives the fields.
    """
    return _LoggedWith(names)


def _with_fields(_logger: Any, _name: str, event: EventDict) -> EventDict:
    return {**event, **_fields.get()}


def _without_framework_extras(_logger: Any, _name: str, event: EventDict) -> EventDict:
    for name in ("color_message", "message", "asctime"):  # uvicorn and other formatters say the same twice
        event.pop(name, None)
    return event


def _timestamp(created: float) -> str:
    """Writes a time as ISO 8601 in UTC, to the microsecond, rounded as :mod:`datetime` does."""
    fraction, second = math.modf(created)
    microsecond = round(fraction * 1e6)
    if microsecond == 1_000_000:
        microsecond, second = 0, second + 1
    return f"{_second(second)}.{microsecond:06d}Z"


@lru_cache(4)
def _second(since_epoch: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since_epoch))
