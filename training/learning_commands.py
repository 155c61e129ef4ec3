"""The commands from pairs to a bundle: ``features``, ``train``, ``export``, ``push``.

Decides their arguments. Each imports torch and transformers, which take seconds, when it runs: ``--help`` and mistakes in a
configuration do not wait for them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from model.command_line import AsJson, for_people
from training.answers import answer, is_main_process
from training.arguments import CACHE_DIR, CacheDir, Columns, Config, Data, Settings

_Source = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run, or of a bundle that needs graphs.")]
_Compared = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Data set whose training pairs the graphs are compared with torch on, or datasets:NAME."),
]
_Int8 = Annotated[
    bool,
    typer.Option(
        "--int8", help="8-bit graphs: quicker, and some bits change; give --data, whose training pictures tell the ranges."
    ),
]


def features(
    *, config: Config, data: Data, cache_dir: CacheDir = CACHE_DIR, settings: Settings = None, as_json: AsJson = False
) -> None:
    """Extracts features of a data set into the cache."""
    from training import commands
    from training.config import load_config

    answer(commands.features(load_config(config, settings or ()), data, cache_dir=cache_dir), as_json=as_json)


def train(
    *,
    config: Config,
    data: Data,
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder of the run.")],
    cache_dir: CacheDir = CACHE_DIR,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Trains a run and exports its bundle; takes an interrupted run up again."""
    from training import commands
    from training.config import load_config
    from training.report import render_summary

    report = commands.train(load_config(config, settings or ()), data, out, cache_dir=cache_dir)
    facts = {**report["evaluation"], "run": str(out), "bundle": str(out / "bundle"), "epoch": report["epoch"]}
    if for_people(as_json=as_json):
        answer(facts, as_json=as_json, readable=f"{render_summary(report)}\nNext: `bitlens serve --bundle {out / 'bundle'}`\n")
        return
    if is_main_process():
        sys.stderr.write(render_summary(report) + "\n")
    answer(facts, as_json=as_json)


def export(
    source: _Source,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the bundle.")],
    data: _Compared = None,
    cache_dir: CacheDir = CACHE_DIR,
    columns: Columns = None,
    int8: _Int8 = False,
    as_json: AsJson = False,
) -> None:
    """Writes the bundle of a finished run, or a bundle's graphs anew."""
    from training import commands
    from training.config import make_config

    columns_there = make_config({}, columns or ()).data
    answer(commands.export(source, out, data=data, config=columns_there, cache_dir=cache_dir, int8=int8), as_json=as_json)


def push(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of the bundle.")],
    *,
    to: Annotated[str, typer.Option(metavar="OWNER/NAME", help="Repository on the hub; made if there is none.")],
    private: Annotated[bool, typer.Option("--private", help="Makes a new repository private.")] = False,
    revision: Annotated[str | None, typer.Option(metavar="BRANCH", help="Branch that the commit goes to.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publishes a bundle on the Hugging Face hub, as it is. The token comes from `hf auth login` or HF_TOKEN."""
    from model.hub import publish

    commit = publish(bundle, to, private=private, revision=revision)
    answer({"bundle": str(bundle), "repository": to, "commit": commit}, as_json=as_json)
