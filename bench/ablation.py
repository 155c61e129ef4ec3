"""HERO without one of its parts: what each is worth, on the query split, after the method was fixed.

    python -m bench.ablation --data DIR --out runs/ablation [--seeds 1 2 3] [--workers 2] [--write docs/method.md]

Every run is a folder that is left alone when finished, so the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.grid_command import exit_code, grid_parser, source_of, tell
from bench.methods_table import put_between_marks
from bench.run_grid import Task, run_tasks
from training.config import load_config
from training.run_folder import RunFolder

VARIANTS = {
    "all of it": (),
    "given labels taken for true (no 1)": ("method.options.noise_model=none",),
    "labels doubted one by one (1 without events of samples)": ("method.options.noise_model=label",),
    "all heads begin at random (no 4)": ("method.options.belief_epochs=0",),
    "all heads begin from beliefs": ("method.options.belief_bits=4096",),
    "heads stay as learnt from beliefs (4 alone)": (
        "method.options.belief_bits=4096",
        "training.epochs=1",
        "training.learning_rate=1e-9",
    ),
}
"""What is left out, and the settings that leave it out."""
_NAME = "ablation"


def tasks_of(
    out: Path, seeds: Sequence[int], n_bits: int, noise_rates: Sequence[float] = (0.8, 0.5, 0.0)
) -> dict[tuple[str, float, int], Task]:
    """Plans the runs, seeds outermost.

    Args:
        out: Folder of all runs.
        seeds: Of noise, cut and initialisation.
        n_bits: Bits of a code.
        noise_rates: Shares of noisy samples.

    Returns:
        A run by variant, noise rate and seed.
    """
    tasks = {}
    for seed in seeds:
        for rate in noise_rates:
            for number, (variant, settings) in enumerate(VARIANTS.items()):
                common = ("training.precision=medium", "training.alarms=warn", f"training.n_bits={n_bits}")
                own = (f"noise.rate={rate}", f"noise.seed={seed}", f"training.seed={seed}")
                config = load_config(Path("hero"), [*common, *settings, *own])
                path = out / f"variant{number}" / f"noise{rate:g}-bits{n_bits}-seed{seed}"
                tasks[variant, rate, seed] = Task(f"variant{number}", path, config)
    return tasks


def render(found: dict[tuple[str, float, int], float], n_bits: int) -> str:
    """Writes the table.

    Args:
        found: Mean mAP of finished runs by variant, noise rate and seed.
        n_bits: Bits of a code.

    Returns:
        Markdown.
    """
    rates = sorted({rate for _, rate, _ in found})
    lines = [
        f"Mean of i2t and t2i mAP on query, {n_bits} bits, seeds {', '.join(map(str, sorted({seed for *_, seed in found})))}.",
        "",
        f"| | {' | '.join(f'noise {rate:g}' for rate in rates)} |",
        f"|---|{'---|' * len(rates)}",
    ]
    for variant in VARIANTS:
        cells = [_cell([value for (name, r, _), value in found.items() if (name, r) == (variant, rate)]) for rate in rates]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "—"
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what is not finished and prints the table.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code: 0 done, 1 a run failed, 2 a mistake of the caller's, 130 interrupted.
    """
    parser = grid_parser(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="S")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.8, 0.5, 0.0], metavar="R")
    parser.add_argument("--bits", type=int, nargs="+", default=[64, 16], metavar="N")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks of this document")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    """Does the runs and prints the table; returns how many failed."""
    if options.write:
        put_between_marks(options.write, _NAME, "")  # refused now, not after hours
    plans = {n_bits: tasks_of(options.out, options.seeds, n_bits, options.noise) for n_bits in options.bits}
    tasks = [task for plan in plans.values() for task in plan.values()]
    outcomes = run_tasks(tasks, source_of(options), n_workers=options.workers, told=tell)
    table = "\n\n".join(render(found, n_bits) for n_bits, plan in plans.items() if (found := _found(plan)))
    print(table)
    if options.write and table:
        options.write.write_text(put_between_marks(options.write, _NAME, table), encoding="utf-8")
    return sum(outcome.failed for outcome in outcomes)


def _found(plan: dict[tuple[str, float, int], Task]) -> dict[tuple[str, float, int], float]:
    """Reads the mean mAP of what is finished."""
    reports = {key: RunFolder(task.path).report() for key, task in plan.items() if task.is_finished}
    return {key: report["evaluation"]["mean_map"] for key, report in reports.items() if report}


if __name__ == "__main__":
    sys.exit(main())
