"""What could tell a stranger, side by side: of every signal how many strangers abstain where a tenth of the answerable queries do.

    OMP_NUM_THREADS=1 python -m bench.abstention_signals RUN… --data DIR --work DIR [--glosses FILE] [--cache-dir DIR]

Worlds and queries are those of ``bench.abstention``. Signals that learn something learn it from the run's validation pairs, but
those of features, which take the whole training split. Of codes: the distance to the nearest item of the other modality, its
mean over the 50 nearest, the distance to the tenth nearest validation pair between relaxed codes (Y. Sun et al.,
Out-of-Distribution Detection with Deep Nearest Neighbors, 2022, https://arxiv.org/abs/2204.06507), the mean |relaxed code|, its
norm before the tanh, the largest label logit, the joint energy of all (H. Wang et al., Can Multi-Label Classification Networks
Know What They Don't Know?, 2021, https://arxiv.org/abs/2109.14162), and the Mahalanobis distance between relaxed codes and
between their signs. A Markdown table a run and modality; beside each share the probability that an answerable query has the
smaller signal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.abstention import limits
from bench.abstention_worlds import World, read_strangers
from bench.calibration import encode_part, read_splits
from bench.grid_command import data_parser, exit_code
from model.codes import Float32, sign_codes
from model.encoder import encode_features
from model.familiarity import Familiarity
from model.manifest import MODALITIES
from training.checkpoint import read_tensors
from training.config import RunConfig
from training.export import read_heads
from training.familiarity import fit_familiarity
from training.inputs import read_pairs
from training.run_folder import RunFolder

_RIDGE, _NEAREST, _NEIGHBOURS, _LEVELS, _ONE = 0.01, 50, 10, 2000, 1 - 1e-7
_DIRECTIONS = (16, 64, 128, 192)
Signal = Callable[[Float32, Float32], npt.NDArray[np.floating]]
"""From relaxed codes and features of queries to how strange they are."""


def code_signals(known: Float32, items: Float32, classifier: Float32 | None) -> dict[str, Signal]:
    """Returns what relaxed codes can tell.

    Args:
        known: (N, n_bits) float32, of validation pairs.
        items: (M, n_bits) float32, what is searched.
        classifier: (n_bits, C) float32, if the method learns one.

    Returns:
        By name.
    """
    found: dict[str, Signal] = {
        "nearest item": lambda codes, _: _distances(codes, items).min(axis=1),
        "50 nearest items": lambda codes, _: np.partition(_distances(codes, items), _NEAREST, axis=1)[:, :_NEAREST].mean(axis=1),
        "tenth nearest validation pair": lambda codes, _: np.partition(_apart(codes, known), _NEIGHBOURS, axis=1)[
            :, _NEIGHBOURS - 1
        ],
        "mean of the relaxed code, negative": lambda codes, _: -np.abs(codes).mean(axis=1),
        "norm before the tanh, negative": lambda codes, _: -np.linalg.norm(np.arctanh(np.clip(codes, -_ONE, _ONE)), axis=1),
        "Mahalanobis, relaxed codes": lambda codes, _: _mahalanobis(codes, known),
        "Mahalanobis, signs": lambda codes, _: _mahalanobis(_signs(codes), _signs(known)),
    }
    if classifier is not None:
        found["largest logit, negative"] = lambda codes, _: -(codes @ classifier).max(axis=1)
        found["joint energy, negative"] = lambda codes, _: -np.logaddexp(0, codes @ classifier).sum(axis=1)
    return found


def feature_signals(train: Float32) -> dict[str, Signal]:
    """Returns what features can tell, by the number of directions that have a variance of their own.

    Args:
        train: (N, feature_dim) float32.

    Returns:
        By name.
    """
    worlds = {n: fit_familiarity(train, n_directions=n) for n in _DIRECTIONS}
    return {f"features, {n} directions": partial(_by_features, world) for n, world in worlds.items()}


def _by_features(world: Familiarity, codes: Float32, features: Float32) -> npt.NDArray[np.floating]:
    return world.strangeness_of(features)


def measure(run: RunFolder, world: World, modality: str) -> dict[str, dict[str, dict[str, float]]]:
    """Measures all signals.

    Args:
        run: A finished run.
        world: Of it, and queries from elsewhere.
        modality: What the queries are.

    Returns:
        By signal and kind: what ``bench.abstention.limits`` finds.
    """
    other = MODALITIES[1 - MODALITIES.index(modality)]
    heads, labels, best = read_heads(run), read_tensors(run.labels)[0], read_tensors(run.best)[0]
    codes = {name: encode_part(heads, part) for name, part in world.parts.items()}
    items = np.concatenate([getattr(codes[name], other) for name in ("train", "gallery")])
    classifier = best.get(f"method.classifier.{modality}")
    known = getattr(codes["train"], modality)[labels["validation_index"].numpy()]
    signals = code_signals(known, items, None if classifier is None else classifier.numpy())
    signals |= feature_signals(getattr(world.parts["train"], modality))
    asked = {"answerable": np.asarray(getattr(world.parts["query"], modality))}
    asked |= {kind: sides[modality] for kind, sides in world.strangers.items() if modality in sides}
    queries = {kind: (encode_features(heads[modality], features), features) for kind, features in asked.items()}
    return {name: compare({kind: signal(*each) for kind, each in queries.items()}) for name, signal in signals.items()}


def compare(strange: Mapping[str, npt.NDArray[np.floating]]) -> dict[str, dict[str, float]]:
    """Puts strangers beside answerable queries.

    Args:
        strange: How strange queries are, by kind.

    Returns:
        By kind but ``answerable``.
    """
    edges = np.unique(np.quantile(np.concatenate(list(strange.values())), np.linspace(0, 1, _LEVELS)))
    levels = {kind: np.searchsorted(edges, found).astype(np.int64) for kind, found in strange.items()}
    return {kind: limits(levels["answerable"], found, len(edges) + 1) for kind, found in levels.items() if kind != "answerable"}


def render(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Writes a table.

    Args:
        found: As of :func:`measure`.

    Returns:
        Markdown.
    """
    kinds = list(next(iter(found.values())))
    lines = [f"| strange by | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    for name, by_kind in found.items():
        cells = [f"{by_kind[kind]['unanswerable_at_aim']:.0%} ({by_kind[kind]['nearer_share']:.2f})" for kind in kinds]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _signs(codes: Float32) -> Float32:
    return sign_codes(codes).astype(np.float32)


def _distances(codes: Float32, items: Float32) -> Float32:
    found: Float32 = (codes.shape[1] - _signs(codes) @ _signs(items).T) / 2
    return found


def _apart(codes: Float32, known: Float32) -> Float32:
    found: Float32 = (codes**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * codes @ known.T
    return found


def _mahalanobis(codes: Float32, known: Float32) -> npt.NDArray[np.floating]:
    covariance = np.cov(known.T, bias=True)
    n_bits = len(covariance)
    inverse = np.linalg.inv(covariance + _RIDGE * np.trace(covariance) / n_bits * np.eye(n_bits))
    away = codes - known.mean(axis=0)
    return np.asarray(np.einsum("ij,jk,ik->i", away, inverse, away))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    parser = data_parser(__doc__, work="where drawings are kept")
    add = parser.add_argument
    add("runs", type=Path, nargs="+", metavar="RUN", help="folder of a finished run")
    add("--glosses", type=Path, metavar="FILE", help="WordNet's data.noun")
    options = parser.parse_args(arguments)

    def work() -> int:
        names = read_pairs(RunConfig(), options.data, cache_dir=options.cache_dir).label_names
        world = World(read_splits(options.data, options.cache_dir).parts, read_strangers(options.work, names, options.glosses))
        for path in options.runs:
            for modality in MODALITIES:
                print(f"{path.parent.name}/{path.name}, {modality}\n\n{render(measure(RunFolder(path), world, modality))}\n")
        return 0

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
