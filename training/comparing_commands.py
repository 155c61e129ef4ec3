"""The commands over runs: ``compare``, ``sweep``, ``audit``.

Decides their arguments. Each imports what it needs when it runs: ``--help`` does not wait.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from model.command_line import AsJson
from training.answers import answer
from training.arguments import CACHE_DIR, CacheDir, Config, Data, Seeds, Settings, natural, share

_Runs = Annotated[list[Path], typer.Argument(metavar="RUN…", help="Folder of a run, or a folder that holds runs.")]
_Markdown = Annotated[Path | None, typer.Option(metavar="FILE", help="The tables; by default --out, ending in .md.")]
_Baseline = Annotated[str | None, typer.Option(metavar="METHOD", help="Show the differences to it, in points and paired by seed.")]
_Spaces = Annotated[
    list[str],
    typer.Option(
        "--space",
        metavar="KEY=VALUES",
        help="section.key=low..high[:log][:int][:STEP], or section.key=value,value,…; as often as needed.",
    ),
]
_Trials = Annotated[int, typer.Option(metavar="N", parser=natural, help="Trials in all, those of earlier calls included.")]
_Timeout = Annotated[
    float, typer.Option(metavar="S", help="Stop after so many seconds; call again to go on.", show_default="never")
]
_Seeds = Annotated[
    Seeds | None,
    typer.Option(metavar="S,S,…", parser=Seeds.read, help="A run for each, of which the mean counts; noise and cut too."),
]
_Accept = Annotated[
    float, typer.Option(metavar="P", parser=share(with_ends=True), help="Suspicion from which on suggestions are taken.")
]


def compare(
    runs: _Runs,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page.")] = Path("compare.html"),
    markdown: _Markdown = None,
    baseline: _Baseline = None,
    as_json: AsJson = False,
) -> None:
    """Puts runs side by side: a page with plots, and Markdown tables."""
    from training import commands

    answer(commands.compare(runs, out, markdown or out.with_suffix(".md"), baseline=baseline), as_json=as_json)


def sweep(
    *,
    config: Config,
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the sweep.")],
    spaces: _Spaces,
    trials: _Trials,
    timeout_s: _Timeout = math.inf,
    seeds: _Seeds = None,
    cache_dir: CacheDir = CACHE_DIR,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Tries settings, judged among validation pairs; takes an interrupted sweep up again."""
    from training.sweep_space import read_spaces

    ranges = read_spaces(config, settings or (), spaces)
    from training import commands
    from training.config import load_config
    from training.sweep_plan import Limits, SweepPlan

    plan = SweepPlan(load_config(config, settings or ()), tuple(ranges), seeds or ())
    answer(commands.sweep(plan, data, out, Limits(trials, timeout_s), cache_dir=cache_dir), as_json=as_json)


def audit(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run; it need not be finished.")],
    *,
    data: Data,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the page and the files.", show_default="RUN/audit")
    ] = None,
    accept: _Accept = 0.7,
    shown: Annotated[int, typer.Option(metavar="N", parser=natural, help="Most suspicious pairs on the page.")] = 200,
    cache_dir: CacheDir = CACHE_DIR,
    as_json: AsJson = False,
) -> None:
    """Finds wrong labels among a run's training pairs: a page to mend them on, and files."""
    from training.audit.command import AuditOptions, audit_run

    found = audit_run(run_dir, data, out or run_dir / "audit", AuditOptions(accept, shown), cache_dir=cache_dir)
    answer(found, as_json=as_json)
