r"""Settings against each other on validation pairs, judged by true labels: how a method of our own is looked for.

    python -m bench.validate --data DIR --out runs/validate --config hero --noise 0.5 0.8 --bits 16 64 \
        --try "" --try "training.epochs=30" --try "training.epochs=30 method.options.belief_epochs=0"

Training sees the given labels of nine tenths of the training split, as in any run; query and gallery are never read. The other
tenth is ranked twice by its true labels, which only simulated noise lets us know: among itself, as items that nobody has trained
on, and against the pairs that were trained on, as most of a database is; and it is told how often a pair's own partner is among the
first 10 of all partners. Finished runs are skipped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from bench.grid_command import exit_code, grid_parser, source_of, tell
from bench.run_grid import Task, run_tasks
from training.compute import torch_settings
from training.config import RunConfig, load_config
from training.evaluation import LabelledCodes, evaluate_map, evaluate_within
from training.experiment import Features, judge_by_validation, make_trainer
from training.inputs import PairFeatures, select
from training.loop import train_epochs
from training.ranking_histograms import partner_places
from training.ranking_metrics import expected_partner_recall
from training.run_folder import RunFolder
from training.trainer import Trainer

_SHOWN = ("among_validation", "against_train", "partner_recall_at_10")
_COMMON = ("training.precision=medium", "training.alarms=warn", "training.tensorboard=false")


def validate(config: RunConfig, features: Features, run: RunFolder) -> dict[str, Any]:
    """Trains as a run does, and judges by the validation pairs' true labels.

    Args:
        config: Resolved.
        features: Only ``train`` is asked for.
        run: Opened folder.

    Returns:
        The report: ``evaluation.mean_map``, the mean of the two figures ``among_validation`` and ``against_train``, each in [0, 1];
        and ``partner_recall_at_10``, the probability that a validation pair's partner is among the first 10 of all partners.
    """
    train = features("train")
    with torch_settings(config.training):
        trainer, labels = make_trainer(config, train)
        judge = judge_by_validation(select(train, labels.given_labels, labels.validation_index))
        best = train_epochs(trainer, judge, run, config.training)
        validation, learnt = (_encode(trainer, train, index) for index in (labels.validation_index, labels.train_index))
    among, against = evaluate_within(validation).mean_map, evaluate_map(validation, learnt).mean_map
    places = [partner_places(validation, direction) for direction in ("i2t", "t2i")]
    report = {
        "epoch": best.epoch,
        "evaluation": {"mean_map": (among + against) / 2},
        "among_validation": among,
        "against_train": against,
        "partner_recall_at_10": float(np.mean([expected_partner_recall(*each, k=10).mean() for each in places])),
    }
    run.write_report(report, "")
    return report


def _encode(trainer: Trainer, pairs: PairFeatures, index: Any) -> LabelledCodes:
    codes = trainer.encode(torch.from_numpy(pairs.image[index]), torch.from_numpy(pairs.text[index]))
    return LabelledCodes(codes.image.numpy(), codes.text.numpy(), pairs.true_labels[index])


def plan(options: argparse.Namespace) -> dict[tuple[str, float, int, int], Task]:
    """Plans the runs, seeds outermost.

    Args:
        options: Of the command line.

    Returns:
        A run by settings, noise rate, code length and seed.
    """
    tasks = {}
    for seed in options.seeds:
        for rate in options.noise:
            for n_bits in options.bits:
                for settings in options.tried:
                    own = (f"noise.rate={rate}", f"noise.seed={seed}", f"training.seed={seed}", f"training.n_bits={n_bits}")
                    config = load_config(Path(options.config), [*_COMMON, *own, *settings.split()])
                    name = f"{options.config} {settings}".strip().replace("/", "_")
                    path = options.out / name / f"noise{rate:g}-bits{n_bits}-seed{seed}"
                    tasks[settings, rate, n_bits, seed] = Task(name, path, config, validate)
    return tasks


def render(found: dict[tuple[str, float, int, int], dict[str, Any]]) -> str:
    """Writes the table.

    Args:
        found: Reports of finished runs by settings, noise rate, code length and seed.

    Returns:
        Markdown: a row for each settings, a column for each noise rate and code length, averaged over seeds.
    """
    columns = sorted({(rate, n_bits) for _, rate, n_bits, _ in found})
    lines = [
        "mAP by true labels of validation pairs, among themselves / against the pairs trained on / recall at 10 of their partners.",
        "",
        f"| | {' | '.join(f'noise {rate:g}, {n_bits} bits' for rate, n_bits in columns)} | mean |",
        f"|---|{'---|' * (len(columns) + 1)}",
    ]
    for settings in dict.fromkeys(key[0] for key in found):
        cells = [[r for (s, *column, _), r in found.items() if (s, *column) == (settings, *wanted)] for wanted in columns]
        lines.append(
            f"| {settings or 'as configured'} | {' | '.join(map(_cell, cells))} | {_cell(list(chain.from_iterable(cells)))} |"
        )
    return "\n".join(lines)


def _cell(reports: Sequence[dict[str, Any]]) -> str:
    if not reports:
        return "—"
    return " / ".join(f"{fmean(report[name] for report in reports):.3f}" for name in _SHOWN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what is not finished and prints the table.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code: 0 done, 1 a run failed, 2 a mistake of the caller's, 130 interrupted.
    """
    parser = grid_parser(__doc__)
    parser.add_argument("--config", default="hero", metavar="FILE", help="configuration, by path or name (default hero)")
    parser.add_argument(
        "--try", dest="tried", action="append", metavar="SETTINGS", help="section.key=value, several apart by spaces, or nothing"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], metavar="S")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.8, 0.5, 0.0], metavar="R")
    parser.add_argument("--bits", type=int, nargs="+", default=[64, 16], metavar="N")
    options = parser.parse_args(arguments)
    options.tried = options.tried or [""]
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    """Does the runs and prints the table; returns how many failed."""
    tasks = plan(options)
    outcomes = run_tasks(list(tasks.values()), source_of(options), n_workers=options.workers, told=tell)
    reports = {key: RunFolder(task.path).report() for key, task in tasks.items() if task.is_finished}
    print(render({key: report for key, report in reports.items() if report}))
    return sum(outcome.failed for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main())
