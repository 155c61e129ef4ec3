"""What a command of the trainer answers with, in the form of whoever reads it.

Decides: at a terminal people get tables; everything else gets one JSON object as the last line of standard output, after the
readable part unless JSON alone was asked for. Of several processes the main one alone speaks.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from model.command_line import for_people
from model.terminal import print_markdown, print_table


def answer(facts: Mapping[str, Any], *, as_json: bool, readable: str = "") -> None:
    """Writes what a command found.

    Args:
        facts: JSON-able.
        as_json: Whether nothing but JSON is wanted.
        readable: The same in Markdown; without it people get the facts as a table.
    """
    if not is_main_process():
        return
    if not for_people(as_json=as_json):
        sys.stdout.write(f"{readable}\n" if readable and not as_json else "")
        sys.stdout.write(json.dumps(facts) + "\n")
    elif readable:
        print_markdown(readable)
    else:
        print_table(("", ""), ((name, _short(value)) for name, value in facts.items()))


def is_main_process() -> bool:
    """Tells whether this process speaks: ``torchrun`` and ``accelerate launch`` number several of them from 0."""
    return os.environ.get("RANK", "0") == "0"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)
