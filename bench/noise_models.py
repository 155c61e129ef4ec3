"""Which noise model explains the given labels, for noise of many kinds, and which one knows more of the truth.

    python -m bench.noise_models --data DIR [--seed 1] [--write docs/decisions/12-noise-models-by-likelihood.md]

Labels of the training split are made noisy in nine ways; true labels are looked at for the columns of doubt only, query never.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from bench.grid_command import exit_code
from bench.methods_table import put_between_marks
from model.codes import Float32, UInt8
from training.config import RunConfig
from training.inputs import extract_pair_features, read_pairs
from training.label_noise import add_label_noise
from training.methods.base import LabelledFeatures
from training.true_labels import fit_noise_models

_NAME = "noise models"
_TINY = 1e-6
_COLUMNS = ("noise", "by sample", "by label", "doubt left by the likelier / the other", "by the likelier after a second regression")
Noise = Callable[[UInt8, np.random.Generator, int], UInt8]


def exchange(rate: float) -> Noise:
    """Makes the benchmarks' noise.

    Args:
        rate: Share of samples of which one label is exchanged for another.

    Returns:
        A function that gives noisy labels.
    """
    return lambda true, _, seed: add_label_noise(true, rate, seed=seed)


def switch(on: float, off: float) -> Noise:
    """Makes noise that strikes labels one by one.

    Args:
        on: Share of absent labels that are switched on.
        off: Share of true labels that are switched off.

    Returns:
        A function that gives noisy labels.
    """
    return lambda true, rng, _: np.where(true > 0, rng.random(true.shape) >= off, rng.random(true.shape) < on).astype(np.uint8)


def replace_half(true: UInt8, rng: np.random.Generator, seed: int) -> UInt8:
    """Gives half of the samples another sample's labels.

    Args:
        true: (N, C) of 0 and 1.
        rng: Random numbers.
        seed: Not needed.

    Returns:
        Noisy labels.
    """
    struck = rng.random(len(true)) < 0.5
    return np.where(struck[:, None], true[rng.permutation(len(true))], true)


NOISES: dict[str, Noise] = {
    "exchange, .8 of the samples": exchange(0.8),
    "exchange, .5": exchange(0.5),
    "exchange, .2": exchange(0.2),
    "half of the samples have another's labels": replace_half,
    "labels switched on at 5 %, off at 30 %": switch(0.05, 0.3),
    "on at 2 %, off at 60 %": switch(0.02, 0.6),
    "off at 30 % only": switch(0.0, 0.3),
    "on at 10 % only": switch(0.1, 0.0),
    "on at 1 %, off at 5 %": switch(0.01, 0.05),
}


def row_of(name: str, features: LabelledFeatures, true: UInt8, seed: int) -> str:
    """Measures one kind of noise.

    Args:
        name: Of :data:`NOISES`.
        features: Of the training split; their labels are not looked at.
        true: (N, C) true labels.
        seed: Of the noise.

    Returns:
        A row of the table.
    """
    given = NOISES[name](true, np.random.default_rng(seed), seed).astype(np.float32)
    noisy = LabelledFeatures(features.image, features.text, torch.from_numpy(given))
    found = fit_noise_models(noisy)
    doubt = {model: log_loss(each.probability, true) for model, each in found.items()}
    chosen = max(found, key=lambda model: found[model].log_likelihood)
    likelihoods = (f"**{e.log_likelihood:.3f}**" if m == chosen else f"{e.log_likelihood:.3f}" for m, e in found.items())
    other = next(model for model in found if model != chosen)
    again = fit_noise_models(noisy, chosen, targets=torch.from_numpy(found[chosen].probability))[chosen]
    again_doubt = log_loss(again.probability, true)
    return f"| {name} | {' | '.join(likelihoods)} | {doubt[chosen]:.3f} / {doubt[other]:.3f} | {again_doubt:.3f} |"


def log_loss(probability: Float32, true: UInt8) -> float:
    """Returns how much doubt probabilities leave in true labels.

    Args:
        probability: (N, C) in [0, 1].
        true: (N, C) of 0 and 1.

    Returns:
        Mean negative log probability of what is true, nats a label.
    """
    chance = np.where(true > 0, probability, 1 - probability).astype(np.float64)
    return float(-np.log(np.clip(chance, _TINY, 1)).mean())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures all kinds of noise and prints the table.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code: 0 done, 2 a mistake of the caller's, 130 interrupted.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--cache-dir", type=Path, default=Path(".cache/bitlens"), metavar="DIR", help="where features are kept")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the noise")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks of this document")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    if options.write:
        put_between_marks(options.write, _NAME, "")  # refused now, not after minutes
    config = RunConfig()
    pairs = read_pairs(config, options.data, cache_dir=options.cache_dir)
    train = extract_pair_features(pairs.train, "train", config, cache_dir=options.cache_dir)
    image, text = (torch.from_numpy(np.array(side)) for side in (train.image, train.text))
    features = LabelledFeatures(image, text, torch.from_numpy(train.true_labels.astype(np.float32)))
    head = [f"| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}"]
    table = "\n".join([*head, *(row_of(name, features, train.true_labels, options.seed) for name in NOISES)])
    print(table)
    if options.write:
        options.write.write_text(put_between_marks(options.write, _NAME, table), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
