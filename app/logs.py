"""Log lines: every logger's, through one pipe, as JSON or for a reader's eyes.

Decides their form and that each carries what is known of the request it belongs to. Modules log with ``logging``, an event's fields
as ``extra``. Does not know what is logged.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

LogFormat = Literal["console", "json"]
ACCESS = "app.access"
"""The logger of requests."""
ACCESS_FIELDS = ("method", "route", "status", "latency_ms", "n_bytes", "key_name")
"""What a request's line may carry besides what is known of all its lines."""
_PLAIN = re.compile(r"[\w./:{}*-]+", re.ASCII)
_fields: ContextVar[Mapping[str, str]] = ContextVar("fields", default=MappingProxyType({}))


def set_up_logging(level: str, log_format: LogFormat = "console", stream: TextIO | None = None) -> None:
    """Sends the log lines of all loggers, and Python's warnings, to standard error.

    Args:
        level: Least important level that is logged.
        log_format: ``console`` for readers, ``json`` for machines: one object a line.
        stream: Where to write instead.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(log_format, colors=(stream or sys.stderr).isatty()))
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
        fields: dict[str, Any] = {name: given[name] for name in ACCESS_FIELDS if name in given} | dict(_fields.get())
        timestamp = f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        level, event = record.levelname.lower(), record.getMessage()
        if self._as_json:
            line = {"event": event, "level": level, "logger": ACCESS, **fields, "timestamp": timestamp}
            return json.dumps(line, ensure_ascii=False)
        said = " ".join([f"{name}={_readable(value)}" for name, value in fields.items()])
        return f"{timestamp} [{level:<9}] {event:<30} [{ACCESS}] {said}"


@contextmanager
def logged_with(**names: str) -> Iterator[Mapping[str, str]]:
    """Adds fields to every line logged in the block, also in threads that work for it.

    Args:
        **names: The fields.

    Yields:
        The fields.
    """
    token = _fields.set({**_fields.get(), **names})
    try:
        yield names
    finally:
        _fields.reset(token)


def _with_fields(_logger: Any, _name: str, event: EventDict) -> EventDict:
    return {**event, **_fields.get()}


def _without_framework_extras(_logger: Any, _name: str, event: EventDict) -> EventDict:
    for name in ("color_message", "message", "asctime"):  # uvicorn and other formatters say the same twice
        event.pop(name, None)
    return event


def _readable(value: object) -> str:
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else repr(value)
