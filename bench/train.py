"""How fast the training loop is beside a plain one, and how long a full run takes.

    python -m bench.train [--widths 1024 8192] [--threads 1] [--repeats 7]

The plain loop trains the same heads by the same losses as one would write it down: default Adam, a number read from every loss
term in every batch, and reliability from the whole N × N similarity at once (autograd off). Both take a few steps in turns on
random features of the photographs' shape; figures are medians, and a ratio is the median of the ratios of the turns.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from statistics import median
from time import perf_counter

import torch
from torch import Tensor
from torch.nn import functional as F

from training.compute import torch_settings
from training.config import TrainingSection, make_config
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.methods.scbch import Scbch, ScbchOptions
from training.reliability import estimate_reliability
from training.trainer import Trainer

N_PAIRS, N_LABELS, BATCH, EPOCHS = 9000, 18, 128, 50
DIMS = {"image": 1664, "text": 384}
_OPTIONS = ScbchOptions()


class _Method(Scbch):
    """Hands out the trainer's own way of encoding, and leaves reliability to be timed apart."""

    encode_train: Callable[[], RelaxedCodes]

    def on_epoch_start(self, epoch: int, encode_train: Callable[[], RelaxedCodes], given_labels: Tensor) -> None:
        """Keeps the function."""
        self.encode_train = encode_train


@dataclass(frozen=True, slots=True)
class Contestant:
    """A loop in three parts.

    Attributes:
        options: Threads and precision.
        steps: Takes all batches of a few pairs.
        encode: Encodes these pairs.
        reliability: Estimates reliability from codes of all pairs.
    """

    options: TrainingSection
    steps: Callable[[], object]
    encode: Callable[[], object]
    reliability: Callable[[], object]

    def epoch_s(self, n_steps: int) -> dict[str, float]:
        """Times each part once.

        Args:
            n_steps: How many batches ``steps`` takes.

        Returns:
            Seconds of a step, and of an epoch over all pairs.
        """
        with torch_settings(self.options):
            step = _time(self.steps) / n_steps
            encode = _time(self.encode) * N_PAIRS / (n_steps * BATCH)
            reliability = _time(self.reliability)
        return {"step": step, "reliability": encode + reliability, "epoch": -(-N_PAIRS // BATCH) * step + encode + reliability}


def plain_reliability(image: Tensor, text: Tensor, labels: Tensor, k: int, floor: float) -> Tensor:
    """Estimates reliability from the whole similarity at once.

    Args:
        image: (N, n_bits) float32.
        text: (N, n_bits) float32.
        labels: (N, C) float32.
        k: Neighbours.
        floor: Least trust.

    Returns:
        (N,) float32.
    """
    u, v = F.normalize(image), F.normalize(text)
    similarity = (u @ u.T + v @ v.T) / 2
    similarity.fill_diagonal_(0)
    nearest, index = similarity.topk(k, dim=1)
    voted = (nearest[:, :, None] * labels[index]).sum(dim=1) / nearest.sum(dim=1, keepdim=True)
    return floor + (1 - floor) * F.cosine_similarity(labels, voted, dim=1)


def random_pairs(n: int) -> LabelledFeatures:
    """Returns pairs of random features.

    Args:
        n: How many.

    Returns:
        Features of the photographs' widths, one to three labels of 18 a pair.
    """
    sides = {name: torch.randn(n, dim) for name, dim in DIMS.items()}
    labels = torch.zeros(n, N_LABELS).scatter_(1, torch.randint(N_LABELS, (n, 3)), 1.0)
    return LabelledFeatures(sides["image"], sides["text"], labels)


def _method(width: int, n: int) -> _Method:
    return _Method(ScbchOptions(image_hidden=(width, width), text_hidden=(width,)), n_train=n, n_labels=N_LABELS)


def ours(width: int, pairs: LabelledFeatures, codes: RelaxedCodes, labels: Tensor, options: TrainingSection) -> Contestant:
    """Returns the loop of this repository.

    Args:
        width: Of the heads.
        pairs: A few, to take steps on.
        codes: Relaxed codes of all pairs.
        labels: (N, C) float32 of all pairs.
        options: Threads and precision.

    Returns:
        Its parts.
    """
    method = _method(width, len(labels))
    trainer = Trainer(method, pairs, options)
    trainer.run_epoch(1)  # warms up, and gives the method its way of encoding

    def reliability() -> Tensor:
        return estimate_reliability(
            codes.image, codes.text, labels, n_neighbours=_OPTIONS.n_neighbours, floor=_OPTIONS.reliability_floor
        )

    return Contestant(options, lambda: trainer.run_epoch(1), method.encode_train, reliability)


def plain(width: int, pairs: LabelledFeatures, codes: RelaxedCodes, labels: Tensor, options: TrainingSection) -> Contestant:
    """Returns the loop as one would write it down.

    Args:
        width: Of the heads.
        pairs: A few, to take steps on.
        codes: Relaxed codes of all pairs.
        labels: (N, C) float32 of all pairs.
        options: Threads and precision.

    Returns:
        Its parts.
    """
    method = _method(width, len(labels))
    heads = method.build_heads(dict(DIMS), options.n_bits)
    parameters = [*chain.from_iterable(head.parameters() for head in heads.values()), *method.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=options.learning_rate, weight_decay=options.weight_decay)

    def steps() -> None:
        totals = dict.fromkeys(("contrastive", "quantization", "classification"), 0.0)
        for index in torch.split(torch.randperm(len(pairs.image)), BATCH):
            batch = Batch(pairs.image[index], pairs.text[index], pairs.given_labels[index], index)
            terms = method.loss_terms(batch, RelaxedCodes(heads["image"](batch.image_features), heads["text"](batch.text_features)))
            optimizer.zero_grad()
            sum(terms.values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            for name, term in terms.items():
                totals[name] += term.item()

    @torch.no_grad()
    def encode() -> RelaxedCodes:
        return RelaxedCodes(heads["image"](pairs.image), heads["text"](pairs.text))

    @torch.no_grad()
    def reliability() -> Tensor:
        return plain_reliability(codes.image, codes.text, labels, _OPTIONS.n_neighbours, _OPTIONS.reliability_floor)

    steps()
    return Contestant(options, steps, encode, reliability)


def _time(part: Callable[[], object]) -> float:
    started = perf_counter()
    part()
    return perf_counter() - started


def main() -> int:
    """Prints a table, and how long a full run takes.

    Returns:
        The exit code.
    """
    given = _parser().parse_args()
    torch.manual_seed(1)
    labels, n_steps = random_pairs(N_PAIRS).given_labels, given.steps
    codes = RelaxedCodes(*(F.normalize(torch.randn(N_PAIRS, 64)) for _ in DIMS))
    print("| width | loop | step, ms | reliability, s | epochs/s | × plain |\n|---|---|---|---|---|---|")
    for width in given.widths:
        pairs = random_pairs(n_steps * BATCH)
        contestants = {}
        for name, make, precision in (("plain", plain, "float32"), ("ours", ours, "float32"), ("ours, medium", ours, "medium")):
            options = make_config({}, [f"training.precision={precision}", f"training.threads={given.threads}"]).training
            contestants[name] = make(width, pairs, codes, labels, options)
        turns = [{name: each.epoch_s(n_steps) for name, each in contestants.items()} for _ in range(given.repeats)]
        for name in contestants:
            step, reliability, epoch = (median(turn[name][part] for turn in turns) for part in ("step", "reliability", "epoch"))
            ratio = median(turn["plain"]["epoch"] / turn[name]["epoch"] for turn in turns)
            print(f"| {width} | {name} | {step * 1e3:.1f} | {reliability:.2f} | {1 / epoch:.3f} | {ratio:.2f} |", flush=True)
        if width == 1024:
            print(f"{EPOCHS} epochs of {N_PAIRS} pairs, medium: {EPOCHS * epoch:.0f} s without validation", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--widths", type=int, nargs="+", default=[1024, 8192])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=8, help="batches that are timed at once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
