"""``bitlens reindex --bundle NEW``: another bundle's codes for a catalogue, also while it is served.

Decides its arguments, what is printed and the exit status: 0 if the other bundle's codes are served now (or with ``--no-switch``
could be), 1 if an item could not be encoded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.arguments import DataDirOption
from model.command_line import AsJson


def reindex(
    *,
    bundle: Annotated[Path, typer.Option(metavar="DIR", help="The new bundle.")],
    data_dir: DataDirOption = None,
    no_switch: Annotated[bool, typer.Option("--no-switch", help="Encode and compare only.")] = False,
    sample: Annotated[int, typer.Option(metavar="N", help="Items that are compared by.")] = 200,
    as_json: AsJson = False,
) -> int:
    """Changes to another bundle while the service runs.

    Encodes all items beside the codes that are served, compares, and exchanges the two. Resumable.
    """
    from app import reindex_run
    from app.settings import load_settings

    settings = load_settings(data_dir=data_dir)
    done = reindex_run.reindex(settings, reindex_run.load(bundle, settings), switch=not no_switch, n_queries=sample)
    sys.stdout.write(json.dumps(reindex_run.shown(done), indent=2) + "\n" if as_json else reindex_run.told(done))
    return 1 if done["failures"] else 0
