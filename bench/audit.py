"""How well the label audit finds wrong labels, beside cleanlab's scores on the same out-of-sample predictions.

    python -m bench.audit --data DIR [--noise 0.2 0.5 0.8] [--seeds 1 2 3] [--other-noise] [--write docs/audit.md]

Labels of the training split are made noisy; true labels are looked at for the figures only, query and gallery never.
Needs cleanlab.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from bench.audit_figures import LARGEST, OWN, PRODUCT, THRESHOLDS, Figures, areas, best_of_cleanlab, confuse
from bench.grid_command import exit_code, tell
from bench.methods_table import put_between_marks
from bench.noise_models import NOISES, exchange
from model.codes import UInt8
from training.config import RunConfig
from training.inputs import extract_pair_features, read_pairs
from training.methods.base import LabelledFeatures

_NAMES = ("found", "meant", "other noise")  # of the marks in the document


def render_found(found: dict[float, list[Figures]]) -> str:
    """Writes the table of areas.

    Args:
        found: Areas by score, a draw each, by noise rate.

    Returns:
        Markdown; of cleanlab's options the default and those that are best at some rate.
    """
    default = next(name for name in found[min(found)][0] if name.startswith("cleanlab"))
    best = dict.fromkeys([default, *map(best_of_cleanlab, found.values())])
    rows = [_row("", [f"noise {rate:g}" for rate in found]), f"|---|{'---|' * len(found)}"]
    rows += [_row(name, [_cell([f[name] for f in draws]) for draws in found.values()]) for name in (OWN, LARGEST, PRODUCT, *best)]
    n_draws = len(next(iter(found.values())))
    return f"Area under the ROC curve, mean ± sample standard deviation over {n_draws} draws of the noise.\n\n" + "\n".join(rows)


def render_worth(worth: dict[float, list[Figures]]) -> str:
    """Writes what suspicion and suggestions are worth.

    Args:
        worth: Figures, a draw each, by noise rate.

    Returns:
        Markdown.
    """
    kinds = [
        ("pairs with a wrong label", "wrong"),
        ("… as estimated", "expected"),
        ("calibration error of suspicion", "calibration"),
    ]
    kinds += [(f"labels put right, of those changed from suspicion {t:g} on", f"right {t}") for t in THRESHOLDS]
    kinds += [(f"pairs with a wrong label then, from {t:g} on", f"wrong {t}") for t in THRESHOLDS]
    rows = [_row("", [f"noise {rate:g}" for rate in worth]), f"|---|{'---|' * len(worth)}"]
    rows += [_row(words, [_cell([w[key] for w in draws]) for draws in worth.values()]) for words, key in kinds]
    counts = [("wrong labels", "entries"), *((f"… left, from suspicion {t:g} on", f"entries {t}") for t in THRESHOLDS)]
    rows += [_row(words, [f"{statistics.fmean(w[key] for w in draws):.0f}" for draws in worth.values()]) for words, key in counts]
    return "\n".join(rows)


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _cell(values: Sequence[float]) -> str:
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{spread}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints the tables.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code: 0 done, 2 a mistake of the caller's, 130 interrupted.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--cache-dir", type=Path, default=Path(".cache/bitlens"), metavar="DIR", help="where features are kept")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.2, 0.5, 0.8], metavar="R")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="S")
    parser.add_argument("--other-noise", action="store_true", help="measure other kinds of noise as well, at the first seed")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the marks of this document")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    for name in _NAMES if options.write else ():
        put_between_marks(options.write, name, "")  # refused now, not after minutes
    pairs = read_pairs(RunConfig(), options.data, cache_dir=options.cache_dir)
    train = extract_pair_features(pairs.train, "train", RunConfig(), cache_dir=options.cache_dir)
    image, text = (torch.from_numpy(np.array(side)) for side in (train.image, train.text))
    features, true = LabelledFeatures(image, text, torch.zeros(0)), train.true_labels
    found: dict[float, list[Figures]] = {rate: [] for rate in options.noise}
    worth: dict[float, list[Figures]] = {rate: [] for rate in options.noise}
    for rate in options.noise:
        for seed in options.seeds:
            area, value = areas(features, true, exchange(rate)(true, np.random.default_rng(seed), seed))
            found[rate].append(area)
            worth[rate].append(value)
            tell(f"noise {rate:g}, seed {seed}: {area[OWN]:.4f}, cleanlab {area[best_of_cleanlab([area])]:.4f}")
    tables = {"found": render_found(found), "meant": render_worth(worth)}
    if options.other_noise:
        tables["other noise"] = _other_noise(features, true, pairs.label_names, options.seeds[0])
    for name, table in tables.items():
        print(f"{table}\n")
        if options.write:
            options.write.write_text(put_between_marks(options.write, name, table), encoding="utf-8")
    return 0


def _other_noise(features: LabelledFeatures, true: UInt8, names: Sequence[str], seed: int) -> str:
    """Measures kinds of noise that are not the benchmarks'."""
    given = {name: noise(true, np.random.default_rng(seed), seed) for name, noise in NOISES.items() if "exchange" not in name}
    mistaken = [(names.index(right), names.index(wrong)) for right, wrong in (("truck", "car"), ("dog", "cat")) if right in names]
    for share in (0.2, 0.4):
        rng = np.random.default_rng(seed)
        given[f"truck taken for car, dog for cat, {share:g} of them"] = confuse(true, mistaken, share, rng)
    rows = [_row("noise", ["pairs with a wrong label", "the audit", "cleanlab, best options"]), "|---|---|---|---|"]
    for name, labels in given.items():
        area, worth = areas(features, true, labels)
        tell(f"{name}: {area[OWN]:.4f}")
        rows.append(_row(name, [f"{worth['wrong']:.3f}", f"{area[OWN]:.3f}", f"{area[best_of_cleanlab([area])]:.3f}"]))
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
