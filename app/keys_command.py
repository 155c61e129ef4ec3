"""``bitlens key new``: makes a key, shows it once and says what to write into the file.

Decides what is printed. Does not know where keys are kept.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from app.keys import Role, new_key
from model.command_line import AsJson

keys = typer.Typer(help="Makes API keys.")


@keys.callback()
def _of_keys() -> None:
    """Makes API keys."""


@keys.command("new")
def print_new_key(
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="What logs call the caller.")],
    role: Annotated[Role, typer.Option(help="What the key may do; each role includes those before it.")],
    as_json: AsJson = False,
) -> None:
    """Makes a key and shows it once.

    The secret goes to standard output, everything around it to standard error.
    """
    secret, key = new_key(name, role)
    if as_json:
        sys.stdout.write(json.dumps({"key": secret, "line": str(key), "name": name, "role": role}) + "\n")
        return
    sys.stderr.write("The key, shown this once:\n")
    sys.stdout.write(secret + "\n")
    sys.stdout.flush()
    sys.stderr.write(f"For the file that BITLENS_KEYS_FILE names, or for BITLENS_KEYS:\n{key}\n")
