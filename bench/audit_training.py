"""Training on given labels and on those that the audit corrected, side by side on the query split.

    python -m bench.audit_training --data DIR --out runs/audit [--noise 0.5] [--seeds 1 2 3] [--write docs/audit.md]

The threshold of the audit is its default; nothing is chosen by these figures. Every run is a folder that is left alone when
finished.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.grid_command import exit_code, grid_parser, source_of, tell
from bench.methods_table import put_between_marks
from bench.run_grid import Source, Task, run_tasks
from training.audit import audit_labels
from training.audit.command import AuditOptions
from training.audit.files import accepted_corrections
from training.config import RunConfig, load_config
from training.inputs import extract_pair_features, make_training_labels, read_pairs, select
from training.label_corrections import write_corrections
from training.run_folder import RunFolder

_NAME = "training"
KINDS = ("given labels", "corrected labels")


def configurations(options: argparse.Namespace, seed: int) -> dict[str, RunConfig]:
    """Makes the two configurations of a seed.

    Args:
        options: Of the command line.
        seed: Of noise, cut and initialisation.

    Returns:
        A configuration by kind of labels.
    """
    common = ["training.precision=medium", "training.alarms=warn", f"training.n_bits={options.bits}"]
    own = ["data.caption_words=0", f"noise.rate={options.noise}", f"noise.seed={seed}", f"training.seed={seed}", *options.overrides]
    corrected = f"data.corrected_labels={options.out / f'corrected-noise{options.noise:g}-seed{seed}.jsonl'}"
    kinds: dict[str, list[str]] = dict(zip(KINDS, ([], [corrected]), strict=True))
    return {kind: load_config(Path(options.config), [*common, *own, *more]) for kind, more in kinds.items()}


def write_corrected(given: RunConfig, source: Source, file: Path) -> None:
    """Audits the labels that a run is given, and writes what the audit corrects.

    Args:
        given: The run's configuration, without corrected labels.
        source: The data.
        file: Where to.
    """
    pairs = read_pairs(given, source.data, cache_dir=source.cache_dir)
    train = extract_pair_features(pairs.train, "train", given, cache_dir=source.cache_dir)
    labels = make_training_labels(train.true_labels, given).given_labels
    audit = audit_labels(select(train, labels, np.arange(len(labels))), pairs.train.ids, pairs.label_names)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_corrections(file, accepted_corrections(audit, AuditOptions().threshold))


def tasks_of(options: argparse.Namespace) -> dict[tuple[str, int], Task]:
    """Plans the runs, seeds outermost, and writes the files that they need and that are not there.

    Args:
        options: Of the command line.

    Returns:
        A run by kind of labels and seed.
    """
    tasks = {}
    for seed in options.seeds:
        configs = configurations(options, seed)
        file = Path(configs[KINDS[1]].data.corrected_labels)
        if not file.exists():
            write_corrected(configs[KINDS[0]], source_of(options), file)
        for kind, config in configs.items():
            name = f"{options.config}-{kind.split()[0]}"
            path = options.out / name / f"noise{options.noise:g}-bits{options.bits}-seed{seed}"
            tasks[kind, seed] = Task(name, path, config)
    return tasks


def render(found: dict[tuple[str, int], dict[str, Any]], *, title: str) -> str:
    """Writes the table.

    Args:
        found: Reports of finished runs by kind of labels and seed.
        title: Of the method, the noise and the code length.

    Returns:
        Markdown.
    """
    seeds = sorted({seed for _, seed in found})
    rows = [
        f"{title}, mAP on query by true labels, seeds {', '.join(map(str, seeds))}.",
        "",
        "| | training pairs with a wrong label | image → text | text → image | mean |",
        "|---|---|---|---|---|",
    ]
    for kind in KINDS:
        reports = [report for (name, _), report in found.items() if name == kind]
        if not reports:
            rows.append(f"| {kind} | — | — | — | — |")
            continue
        wrong = statistics.fmean(report["n_changed"] for report in reports)
        cells = [_cell([report["evaluation"][key] for report in reports]) for key in ("i2t_map", "t2i_map", "mean_map")]
        rows.append(f"| {kind} | {wrong:.0f} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(values: Sequence[float]) -> str:
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{spread}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what is not finished and prints the table.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code: 0 done, 1 a run failed, 2 a mistake of the caller's, 130 interrupted.
    """
    parser = grid_parser(__doc__)
    parser.add_argument("--config", default="photos", metavar="FILE", help="configuration, by path or name (default photos: SCBCH)")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="section.key=value")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="S")
    parser.add_argument("--noise", type=float, default=0.5, metavar="R")
    parser.add_argument("--bits", type=int, default=64, metavar="N")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks of this document")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    """Does the runs and prints the table; returns how many failed."""
    if options.write:
        put_between_marks(options.write, _NAME, "")  # refused now, not after half an hour
    tasks = tasks_of(options)
    outcomes = run_tasks(list(tasks.values()), source_of(options), n_workers=options.workers, told=tell)
    found = {key: report for key, task in tasks.items() if task.is_finished and (report := RunFolder(task.path).report())}
    method = next(iter(tasks.values())).config.method.name
    table = render(found, title=f"{method}, {options.bits} bits, noise {options.noise:g}")
    print(table)
    if options.write and found:
        options.write.write_text(put_between_marks(options.write, _NAME, table), encoding="utf-8")
    return sum(outcome.failed for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main())
