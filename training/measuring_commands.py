"""The commands that measure bundles: ``evaluate``, ``calibrate``, ``health``, ``labels``, ``budget``.

Decides their arguments and what people read. Each imports what it needs when it runs: ``--help`` does not wait.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from model.command_line import AsJson
from training.answers import answer
from training.arguments import CACHE_DIR, BundleDir, CacheDir, Columns, Data, Threads, natural, share

if TYPE_CHECKING:
    from training.bundle_codes import DataSource

_OutDir = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the calibrated bundle.")]
_InPlace = Annotated[bool, typer.Option("--in-place", help="Write into the bundle itself; its identity stays the same.")]
_Kind = Annotated[Literal["labels", "partner"], typer.Option(help="What is relevant: a shared label, or the own other half.")]
_Asking = Annotated[Literal["gallery", "train"], typer.Option(help="Whose pairs ask; unseen in training.")]
_Searched = Annotated[Literal["held-out", "all"], typer.Option(help="What is searched: these pairs, or train and gallery.")]
_NoiseModel = Annotated[Literal["auto", "sample", "label", "none"], typer.Option(help="How given labels may be wrong.")]
_BaseRate = Annotated[
    float | None,
    typer.Option(
        metavar="P", parser=share(with_ends=False), help="Share of relevant items in your index; by default that of the data."
    ),
]
_OwnConfig = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The bundle's configuration, if it was trained on these data (its cut is kept)."),
]
_Split = Annotated[Literal["gallery", "train", "query", "all"], typer.Option(help="Whose codes are looked at.")]
_Bundles = Annotated[
    list[Path],
    typer.Option("--bundles", metavar="DIR…", help="Finished runs or bundles of several code lengths, one after another."),
]
_Table = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The table as Markdown; a plot of the same name, ending in .svg, beside it.")
]


class ManyBundles(TyperCommand):
    """A command whose ``--bundles`` takes all words up to the next option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeats the option before each of its words, as the parser wants it.

        Args:
            ctx: Of the command.
            args: As typed.

        Returns:
            What is left over.
        """
        words: list[str] = []
        is_within = False
        for word in args:
            is_value = is_within and not word.startswith("-")
            if is_value and words[-1] != "--bundles":
                words.append("--bundles")
            words.append(word)
            is_within = word == "--bundles" or is_value
        return super().parse_args(ctx, words)


def evaluate(
    *,
    bundle: BundleDir,
    data: Data,
    cache_dir: CacheDir = CACHE_DIR,
    columns: Columns = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Figures of a bundle on a data set's query split."""
    from training import commands
    from training.config import make_config
    from training.report import render_figures, render_labels

    config = make_config({}, columns or ()).data
    found = commands.evaluate_bundle(bundle, config, data, cache_dir=cache_dir, threads=threads)
    figures, curves = found.as_dict(), found.curves()
    head = f"{found.n_bits} bits, {found.n_query} queries, {found.n_database} items"
    answer(figures, as_json=as_json, readable=f"{head}\n\n{render_figures(figures, curves)}\n{render_labels(curves)}")


def calibrate(
    context: typer.Context,
    *,
    bundle: BundleDir,
    data: Data,
    out: _OutDir = None,
    in_place: _InPlace = False,
    kind: _Kind = "labels",
    split: _Asking = "gallery",
    index: _Searched = "held-out",
    noise_model: _NoiseModel = "auto",
    base_rate: _BaseRate = None,
    cache_dir: CacheDir = CACHE_DIR,
    columns: Columns = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Measures what a bundle's distances mean, on one's own data."""
    if (out is not None) == in_place:
        raise typer.BadParameter("give either --out DIR or --in-place", ctx=context)
    from training.calibrating import CalibrationPlan, write_calibrated
    from training.calibration import render_calibration, summary

    source = _source(data, columns, cache_dir, threads)
    plan = CalibrationPlan(kind=kind, split=split, index=index, noise_model=noise_model, base_rate=base_rate)
    found = write_calibrated(bundle, source, plan, out)
    answer({"bundle": str(out or bundle), **summary(found)}, as_json=as_json, readable=render_calibration(found))


def health(
    *,
    bundle: BundleDir,
    data: Data,
    split: _Split = "gallery",
    cache_dir: CacheDir = CACHE_DIR,
    columns: Columns = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Tells whether a bundle's codes use their bits, on a data set."""
    from model.bundle import EncoderBundle
    from training.bundle_codes import encode_data
    from training.health import measure_health, render_health

    splits = ("train", "query", "gallery") if split == "all" else (split,)
    found = encode_data(EncoderBundle.from_pretrained(bundle), _source(data, columns, cache_dir, threads), splits)
    measured = measure_health(found.joined(*splits))
    answer({"bundle": str(bundle), "split": split, **measured}, as_json=as_json, readable=render_health(measured))


def labels(
    *,
    bundle: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the bundle; its identity stays the same.")],
    data: Data,
    config: _OwnConfig = None,
    noise_model: _NoiseModel = "auto",
    cache_dir: CacheDir = CACHE_DIR,
    columns: Columns = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Learns to read a data set's labels off a bundle's codes, for explanations."""
    from training.config import load_config, make_config
    from training.label_reading import write_labels

    read = load_config(config, columns or ()) if config else make_config({}, columns or ())
    reader = write_labels(bundle, _source(data, columns, cache_dir, threads), read, noise_model)
    answer({"bundle": str(bundle), "labels": list(reader.names), **reader.measured}, as_json=as_json)


def budget(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of the data set, or datasets:NAME.")],
    *,
    bundles: _Bundles,
    out: _Table = None,
    codes: Annotated[int, typer.Option(metavar="N", parser=natural, help="Codes of a timed search.")] = 1_000_000,
    cache_dir: CacheDir = CACHE_DIR,
    columns: Columns = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Code lengths side by side: quality, memory and time of a search."""
    from training.budget import budget_facts, make_budget, plot_budget, render_budget
    from training.checkpoint import write_bytes

    offers = make_budget(bundles, _source(data, columns, cache_dir, threads), n_codes=codes)
    table = render_budget(offers)
    if out:
        write_bytes(out, table.encode())
        write_bytes(out.with_suffix(".svg"), plot_budget(offers).encode())
    answer({"data": str(data), "offers": budget_facts(offers)}, as_json=as_json, readable=table)


def _source(data: Path, columns: list[str] | None, cache_dir: Path, threads: int) -> DataSource:
    from training.bundle_codes import DataSource
    from training.config import make_config

    return DataSource(data, make_config({}, columns or ()).data, cache_dir, threads)
