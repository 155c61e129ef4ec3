"""``bitlens settings``: what a service would use here, without secrets.

Decides the forms: lines as a shell takes them, a table, JSON, or the page ``docs/settings.md``.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from model.command_line import AsJson, for_people
from model.terminal import print_table


def settings(
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/settings.md: every setting with its default.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prints what a service would use here, without secrets."""
    from app.settings import load_settings
    from app.settings_page import in_use, page

    if markdown:
        sys.stdout.write(page())
        return
    values = dict(in_use(load_settings()))
    if as_json:
        sys.stdout.write(json.dumps(values, indent=2) + "\n")
    elif for_people(as_json=as_json):
        print_table(("setting", "value"), values.items())
    else:
        sys.stdout.writelines(f"{variable}={value}\n" for variable, value in values.items())
