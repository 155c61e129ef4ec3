"""Every method over noise rates and code lengths, several seeds each: the tables of ``docs/results.md``.

    python -m bench.methods_table --data DIR --out runs/table [--workers 2] [--write docs/results.md]
    python -m bench.methods_table --out runs/table --report-only

A run is a folder ``OUT/NAME/noiseR-bitsB-seedS``. Finished ones are skipped and interrupted ones taken up, so the script may be
stopped at any time, and several may share the work on one folder. A run's seed decides its noise, its validation cut and its
initialisation. The query split is looked at once a run, after the epoch was chosen on validation pairs by given labels;
``--reference`` adds SCBCH with its epoch chosen on query, as in published tables. The tables hold all that is
finished under ``OUT``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.grid_command import exit_code, grid_parser, source_of, tell
from bench.run_grid import Task, run_tasks
from model.errors import ConfigError
from training.checkpoint import write_bytes
from training.comparison import RunRecord, cell_records, load_runs, render_overview
from training.config import RunConfig, load_config
from training.methods import METHODS

BASELINE, REFERENCE = "scbch", "scbch-reference"
FULL = tuple(name for name in (BASELINE, "hero") if name in METHODS)
SLICE = tuple(name for name in METHODS if name not in FULL)
_CONFIGS = {BASELINE: "photos", REFERENCE: "photos"}  # the others' configurations have the methods' names
_COMMON = ("training.precision=medium", "training.alarms=warn", "data.caption_words=0")  # methods learn the same labels
_ON_QUERY = ("training.selection=query", "training.patience=30")
_NOISE_RATES, _LENGTHS = (0.5, 0.2, 0.8, 0.0), (64, 16, 32, 128)  # what is wanted first stands first
_TABLE = "methods × noise × bits"


@dataclass(frozen=True, slots=True)
class Cell:
    """What one run is for.

    Attributes:
        name: Of the method, or :data:`REFERENCE`.
        noise_rate: Share of noisy samples.
        n_bits: Bits of a code.
        seed: Of noise, cut and initialisation.
    """

    name: str
    noise_rate: float
    n_bits: int
    seed: int

    @property
    def path(self) -> str:
        """Folder of the run, below that of all."""
        return f"{self.name}/noise{self.noise_rate:g}-bits{self.n_bits}-seed{self.seed}"

    def config(self, overrides: Sequence[str] = ()) -> RunConfig:
        """Returns the run's configuration.

        Args:
            overrides: ``section.key=value`` each, of all runs.

        Returns:
            Resolved.

        Raises:
            ConfigError: If there is no such configuration, or an override is wrong.
        """
        path = Path(f"training/configs/{_CONFIGS.get(self.name, self.name)}.toml")
        seeds = (f"noise.seed={self.seed}", f"training.seed={self.seed}")
        own = (f"noise.rate={self.noise_rate}", f"training.n_bits={self.n_bits}", *(_ON_QUERY if self.name == REFERENCE else ()))
        return load_config(path, [*_COMMON, *overrides, *seeds, *own])


def plan_cells(full: Sequence[str], sliced: Sequence[str], seeds: Sequence[int], *, reference: bool = False) -> list[Cell]:
    """Orders the runs so that every cell has a number before any has its spread, those of 64 bits first.

    Args:
        full: Methods with every noise rate and code length.
        sliced: Methods at 64 bits with every noise rate, and at noise .5 with every code length.
        seeds: Outermost.
        reference: Whether :data:`REFERENCE` is wanted, at 64 bits and noise 0, .5 and .8.

    Returns:
        Each once.
    """

    def names(noise_rate: float, n_bits: int) -> list[str]:
        on_query = [REFERENCE] if reference and n_bits == 64 and noise_rate != 0.2 else []
        return [*full, *on_query, *(sliced if n_bits == 64 or noise_rate == 0.5 else ())]

    cells = (Cell(name, rate, n, seed) for seed in seeds for n in _LENGTHS for rate in _NOISE_RATES for name in names(rate, n))
    return list(dict.fromkeys(cells))


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what is not finished and prints the tables.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code: 0 done, 1 a run failed, 2 a mistake of the caller's, 130 interrupted.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.full is None and options.sliced is None:
        options.full, options.sliced = FULL, SLICE
    if not (options.data or options.report_only):
        parser.error("--data is needed, except with --report-only")
    return exit_code(lambda: _work(options))


def _work(options: argparse.Namespace) -> int:
    """Does the runs, unless only the tables are wanted, and writes them; returns how many runs failed."""
    if options.write:
        put_between_marks(options.write, _TABLE, "")  # refused now, not after hours
    n_failed = 0 if options.report_only else _run(options)
    _report(options)
    return n_failed


def _run(options: argparse.Namespace) -> int:
    """Does the runs; returns how many failed."""
    cells = plan_cells(options.full or (), options.sliced or (), options.seeds, reference=options.reference)
    tasks = [Task(cell.name, options.out / cell.path, cell.config(options.overrides)) for cell in cells]
    outcomes = run_tasks(tasks, source_of(options), n_workers=options.workers, told=tell)
    n_failed = sum(outcome.failed for outcome in outcomes)
    tell(f"{n_failed} runs failed; {sum(not task.is_finished for task in tasks)} of {len(tasks)} are not finished")
    return n_failed


def _report(options: argparse.Namespace) -> None:
    runs = load_runs([options.out])
    text = tables(runs, options.full or FULL)
    print(text)
    if options.write and any(run.report for run in runs):
        write_bytes(options.write, put_between_marks(options.write, _TABLE, text).encode())
    if options.summary:
        write_bytes(options.summary, (json.dumps(cell_records(runs), indent=1) + "\n").encode())


def tables(runs: Iterable[RunRecord], full: Sequence[str]) -> str:
    """Writes what stands in the document.

    Args:
        runs: As loaded.
        full: Methods whose difference to the baseline is shown.

    Returns:
        Markdown.
    """
    return render_overview(runs, baseline=BASELINE, compared=full, n_bits=_LENGTHS[0])


def put_between_marks(path: Path, name: str, text: str) -> str:
    """Returns a document with a text put between two of its marks.

    Args:
        path: Markdown with both marks.
        name: Of the marks, ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``.
        text: What stands between them afterwards.

    Returns:
        The document; the file is left alone.

    Raises:
        ConfigError: If a mark is missing.
        OSError: If the document cannot be read.
    """
    first, last = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = path.read_text(encoding="utf-8").partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise ConfigError([f"{path} lacks the marks {first} and {last}"])
    return f"{before}{first}\n{text}\n{last}{after}"


def _parser() -> argparse.ArgumentParser:
    parser = grid_parser(__doc__, data_required=False)
    add = parser.add_argument
    add("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="S")
    what = "methods with every noise rate and code length"
    add("--full", nargs="*", metavar="NAME", help=f"{what} (without --slice: {' '.join(FULL)})")
    what = "methods at 64 bits with every noise rate, and at noise .5 with every code length"
    add("--slice", dest="sliced", nargs="*", metavar="NAME", help=f"{what} (without --full: {' '.join(SLICE)})")
    add("--reference", action="store_true", help="SCBCH with its epoch chosen on query too, at 64 bits")
    add("--set", dest="overrides", action="append", default=[], metavar="section.key=value", help="of all runs")
    add("--report-only", action="store_true", help="no runs, only the tables of what is finished")
    add("--write", type=Path, metavar="FILE", help="put the tables between the marks of this document")
    add("--summary", type=Path, metavar="FILE", help="write mean and deviation of every cell as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
