"""``bitlens recalibrate``: measures by judgements what distances mean, also while the service runs, and the way back.

Decides its arguments and what is printed. A service that runs uses what is kept within seconds (``app.recalibration``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.arguments import DataDirOption
from model.command_line import AsJson


def recalibrate(
    *,
    data_dir: DataDirOption = None,
    bundle: Annotated[Path | None, typer.Option(metavar="DIR", help="The bundle that is served (BITLENS_BUNDLE).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and keep nothing.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the bundle's own calibration; judgements stay.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measures by judgements what distances mean.

    Makes a calibration of the judgements that POST /feedback has kept, beginning with the bundle's own, which stays as it is.
    """
    from app import recalibrate_run
    from app.settings import load_settings

    settings = load_settings(data_dir=data_dir, bundle=bundle)
    if reset:
        recalibrate_run.reset(settings)
        sys.stdout.write('{"kept": false}\n' if as_json else "the bundle's own calibration holds again; the judgements are kept\n")
        return
    own, made = recalibrate_run.recalibrate(settings, keep=not dry_run)
    kept = not dry_run
    told = recalibrate_run.as_json(made, kept=kept) if as_json else recalibrate_run.readable(own, made, kept=kept)
    sys.stdout.write(told + "\n")
