"""Log lines: every logger's, through one pipe, as JSON or for a reader's eyes.

Decides their form and that each carries what is known of the request it belongs to. Modules log with ``logging``, an event's fields
as ``extra``. Does not know what is logged.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

LogFormat = Literal["console", "json"]


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


def formatter(log_format: LogFormat, *, colors: bool = False) -> logging.Formatter:
    """Makes what turns a record into a line.

    Args:
        log_format: For whom.
        colors: Whether the reader's terminal shows colours.

    Returns:
        A formatter for a handler of ``logging``.
    """
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
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
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown]
    )


@contextmanager
def logged_with(**names: str) -> Iterator[Mapping[str, str]]:
    """Adds fields to every line logged in the block, also in threads that work for it.

    Args:
        **names: The fields.

    Yields:
        The fields.
    """
    with structlog.contextvars.bound_contextvars(**names):
        yield names


def _without_framework_extras(_logger: Any, _name: str, event: EventDict) -> EventDict:
    for name in ("color_message", "message", "asctime"):  # uvicorn and other formatters say the same twice
        event.pop(name, None)
    return event
