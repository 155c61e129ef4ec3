"""Recalibration by judgements that are drawn from known curves: how far what is promised is from the truth.

    OMP_NUM_THREADS=1 python -m bench.recalibration [--bundle DIR] [--draws 40]

The bundle's curve of texts that ask for pictures is what the service begins with. The truths are that curve itself, and others:
log-odds moved by −1.5 and +1 (rarer and commoner relevant items), halved and 1.7 times as large (flatter, steeper), a straight
line, and two steps. Distances are drawn as those of first hits lie, mostly nearer than 20 of 64 bits; of a query five hits are
judged, and queries have luck of their own, ± 0.7 in log-odds. The error is the expected calibration error over the distances that
were shown, against the truth itself, so that chance among test data has no part in it. ``beta-binomial`` is the plain
alternative: at each distance the bundle counts as at most 20 judgements, then isotonic regression. ``held`` is the share of
distances whose 95 % interval holds the truth, weighted by how often they are shown. Means over the draws; behind ``/`` what nine
in ten draws stay below.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.tables import grid
from model.bundle_folder import bundle_id_of, read_bundle
from model.calibration import DistanceCurve
from model.calibration_file import read_calibration
from model.calibration_fit import falling_blocks
from model.errors import BundleNotFound, HashingError
from model.log_odds import Float64, log_odds, probability
from model.recalibration import JudgedHits, refit

_BUNDLE = Path("bundles") / "photos-64"
_SIZES = (100, 200, 500, 1_000, 3_000)
_EACH, _LUCK, _N_ITEMS, _BOUND = 5, 0.7, 5_000, 20
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


@dataclass(frozen=True, slots=True)
class World:
    """What is true, and where hits are shown.

    Attributes:
        truth: (n_bits + 1) float64, P(relevant) by distance.
        shown: (n_bits + 1) float64, share of shown hits by distance.
    """

    truth: Float64
    shown: Float64

    def judged(self, n: int, rng: np.random.Generator) -> JudgedHits:
        """Draws judged hits.

        Args:
            n: How many.
            rng: Randomness.

        Returns:
            The hits.
        """
        wanted, middle = log_odds(self.truth), log_odds(self.truth)
        for _ in range(20):  # so that the mean over queries is the truth
            mean = probability(middle[:, None] + _LUCK * _NODES) @ _WEIGHTS / _WEIGHTS.sum()
            middle = middle + wanted - log_odds(mean)
        queries = np.repeat(np.arange(n), _EACH)[:n]
        distances = rng.choice(len(self.truth), n, p=self.shown)
        relevant = rng.random(n) < probability(middle[distances] + rng.normal(0, _LUCK, n)[queries])
        return JudgedHits(distances, relevant, queries, rng.integers(0, _N_ITEMS, n))

    def error(self, value: Sequence[float] | Float64) -> float:
        """Returns the expected calibration error of a curve.

        Args:
            value: (n_bits + 1) promised shares.

        Returns:
            In [0, 1].
        """
        return float(self.shown @ np.abs(np.asarray(value) - self.truth))


def worlds(curve: DistanceCurve) -> Iterator[tuple[str, World]]:
    """Yields the truths by name.

    Args:
        curve: The bundle's.

    Yields:
        Name and world.
    """
    n_bits = len(curve.value) - 1
    distances = 64 * np.arange(n_bits + 1) / n_bits
    shown = np.where(distances < 30, np.exp(-(((distances - 11) / 5) ** 2) / 2), 0)
    shown /= shown.sum()
    own = log_odds(curve.value)
    truths = {
        "the bundle's own": probability(own),
        "rarer": probability(own - 1.5),
        "commoner": probability(own + 1),
        "flatter": probability(own / 2 - 0.3),
        "steeper": probability(1.7 * own - 0.5),
        "line": np.clip(0.85 - 0.03 * distances, 0.02, 1),
        "two steps": np.where(distances < 8, 0.9, np.where(distances < 14, 0.35, 0.05)),
    }
    for name, truth in truths.items():
        yield name, World(truth, shown)


def beta_binomial(curve: DistanceCurve, hits: JudgedHits) -> Float64:
    """Estimates each distance from its own judgements and the bundle's expectation, then makes the estimates fall.

    Args:
        curve: The bundle's.
        hits: Judged hits.

    Returns:
        (n_bits + 1) float64.
    """
    n = np.bincount(hits.distances, minlength=len(curve.value)).astype(np.float64)
    relevant = np.bincount(hits.distances[hits.relevant], minlength=len(curve.value)).astype(np.float64)
    own = np.asarray(curve.value)
    spread = np.maximum((np.asarray(curve.high) - np.asarray(curve.low)) / (2 * 1.96), 1e-6)
    weight = np.clip(own * (1 - own) / spread**2, 0.1, _BOUND)
    value: Float64 = (weight * own + relevant) / (weight + n)
    for block in falling_blocks(value, weight + n):
        value[block] = np.average(value[block], weights=(weight + n)[block])
    return value


def rows(curve: DistanceCurve, n_draws: int) -> Iterator[list[str]]:
    """Measures each truth.

    Args:
        curve: The bundle's.
        n_draws: Draws of judgements a number.

    Yields:
        Cells of a table: recalibrated, beta-binomial and intervals of each truth.
    """
    for name, world in worlds(curve):
        errors: list[list[float]] = []
        plain, held = [], []
        for n in _SIZES:
            drawn = [world.judged(n, np.random.default_rng([n, draw])) for draw in range(n_draws)]
            fitted = [refit(curve, hits) for hits in drawn]
            errors.append([world.error(one.value) for one in fitted])
            plain.append(np.mean([world.error(beta_binomial(curve, hits)) for hits in drawn]))
            inside = [(np.array(one.low) <= world.truth) & (world.truth <= np.array(one.high)) for one in fitted]
            held.append(np.mean([world.shown @ each for each in inside]))
        before = f"{world.error(curve.value):.3f}"
        yield [name, before, "recalibrated", *(f"{np.mean(each):.3f} / {np.quantile(each, 0.9):.3f}" for each in errors)]
        yield ["", "", "beta-binomial", *(f"{mean:.3f}" for mean in plain)]
        yield ["", "", "held", *(f"{share:.0%}" for share in held)]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table.

    Args:
        argv: Arguments without the program's name; by default those of the process.

    Returns:
        Exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.recalibration", description="Recalibration against known truths.")
    parser.add_argument("--bundle", type=Path, default=_BUNDLE, metavar="DIR")
    parser.add_argument("--draws", type=int, default=40, metavar="N")
    given = parser.parse_args(argv)
    try:
        curve = _curve_of(given.bundle)
    except HashingError as error:
        print(error, file=sys.stderr)
        return 1
    columns = ["truth", "bundle's error", "", *(f"{n} judgements" for n in _SIZES)]
    print("\n".join(grid(columns, rows(curve, given.draws))))
    return 0


def _curve_of(folder: Path) -> DistanceCurve:
    manifest, _ = read_bundle(folder)
    calibration = read_calibration(folder, bundle_id_of(manifest), manifest.n_bits)
    if calibration is None or ("text", "image") not in calibration.curves:
        raise BundleNotFound(f"the bundle in {folder} has no calibration of texts that ask for pictures")
    return calibration.curves["text", "image"]


if __name__ == "__main__":
    sys.exit(main())
