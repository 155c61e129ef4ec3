"""Times the training loop beside a plain one, at the width of the reference's heads and at the width that is used here.

    OMP_NUM_THREADS=1 python -m bench.train [--size check|bench|large] [--widths 8192] [--rounds 5]

The plain loop trains the same heads by the same losses as one would write it down: Adam as PyTorch gives it, a number read from
every loss term in every batch, and reliability from the whole N × N similarity at once, or row by row. A few steps are taken in
turns, on random features of the published tables' shape; an epoch is made up of its parts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain

import torch
from torch import Tensor

from bench.limits import sgemm_rate
from bench.machine import require_threads
from bench.result import Result, measure
from bench.timing import Spread, Turns, take_turns
from bench.train_reliability import BLOCKS, ROW_BY_ROW, WHOLE, reliability_turns
from training.compute import torch_settings
from training.config import TrainingSection, make_config
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.methods.scbch import Scbch, ScbchOptions
from training.trainer import Trainer

N_LABELS, BATCH, EPOCHS, N_BITS = 24, 128, 50, 64
DIMS = {"image": 4096, "text": 1386}
_SIZES = {"check": ([2048], 2000), "bench": ([1024, 8192], 5000), "large": ([1024, 4096, 8192], 18_000)}


class _Method(Scbch):
    """Hands out the trainer's own way of encoding, and leaves reliability to be timed apart."""

    encode_train: Callable[[], RelaxedCodes]

    def on_epoch_start(self, epoch: int, encode_train: Callable[[], RelaxedCodes], given_labels: Tensor) -> None:
        """Keeps the function."""
        self.encode_train = encode_train


@dataclass(frozen=True, slots=True)
class Contestant:
    """A loop.

    Attributes:
        step: Takes one batch.
        encode: Encodes one batch.
    """

    step: Callable[[], object]
    encode: Callable[[], object]


def random_pairs(n: int) -> LabelledFeatures:
    """Returns pairs of random features.

    Args:
        n: How many.

    Returns:
        Features of :data:`DIMS`, one to three labels of 24 a pair.
    """
    sides = {name: torch.randn(n, dim) for name, dim in DIMS.items()}
    labels = torch.zeros(n, N_LABELS).scatter_(1, torch.randint(N_LABELS, (n, 3)), 1.0)
    return LabelledFeatures(sides["image"], sides["text"], labels)


def _method(width: int, n: int) -> _Method:
    return _Method(ScbchOptions(image_hidden=(width, width), text_hidden=(width,)), n_train=n, n_labels=N_LABELS)


def ours(width: int, pairs: LabelledFeatures, options: TrainingSection) -> Contestant:
    """Returns the loop of this repository.

    Args:
        width: Of the heads.
        pairs: One batch.
        options: Threads and precision.

    Returns:
        Its parts.
    """
    method = _method(width, len(pairs.image))
    trainer = Trainer(method, pairs, options)
    trainer.run_epoch(1)  # gives the method its way of encoding
    return Contestant(lambda: trainer.run_epoch(1), method.encode_train)


def plain(width: int, pairs: LabelledFeatures, options: TrainingSection) -> Contestant:
    """Returns the loop as one would write it down.

    Args:
        width: Of the heads.
        pairs: One batch.
        options: Learning rate.

    Returns:
        Its parts.
    """
    method = _method(width, len(pairs.image))
    heads = method.build_heads(dict(DIMS), N_BITS)
    parameters = [*chain.from_iterable(head.parameters() for head in heads.values()), *method.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=options.learning_rate, weight_decay=options.weight_decay)

    def step() -> list[float]:
        index = torch.randperm(len(pairs.image))
        batch = Batch(pairs.image[index], pairs.text[index], pairs.given_labels[index], index)
        terms = method.loss_terms(batch, RelaxedCodes(heads["image"](batch.image_features), heads["text"](batch.text_features)))
        optimizer.zero_grad()
        sum(terms.values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return [term.item() for term in terms.values()]

    @torch.no_grad()
    def encode() -> RelaxedCodes:
        return RelaxedCodes(heads["image"](pairs.image), heads["text"](pairs.text))

    return Contestant(step, encode)


def loop_turns(width: int, rounds: int) -> Turns:
    """Times a step and the encoding of a batch of each loop.

    Args:
        width: Of the heads.
        rounds: Turns.

    Returns:
        Seconds by (loop, part), as ``loop/part``.
    """
    pairs = random_pairs(BATCH)
    calls: dict[str, Callable[[], object]] = {}
    for name, make, precision in (("plain", plain, "float32"), ("ours", ours, "float32"), ("ours, medium", ours, "medium")):
        options = make_config({}, [f"training.precision={precision}", "training.threads=1"]).training
        with torch_settings(options):
            contestant = make(width, pairs, options)
        for part, call in (("step", contestant.step), ("encode", contestant.encode)):
            calls[f"{name}/{part}"] = partial(_within, options, call)
    return take_turns(calls, rounds=rounds)


def _within(options: TrainingSection, call: Callable[[], object]) -> None:
    with torch_settings(options):
        call()


def _epochs(turns: Turns, reliability: Turns, loop: str, n: int) -> list[float]:
    """Returns seconds of an epoch, turn by turn: all steps, all encodings, reliability."""
    n_batches = -(-n // BATCH)
    once = reliability.of(WHOLE if loop == "plain" else BLOCKS).value
    parts = zip(turns.seconds[f"{loop}/step"], turns.seconds[f"{loop}/encode"], strict=True)
    return [n_batches * (step + encode) + once for step, encode in parts]


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        Tables, and the target at the greatest width.
    """
    require_threads(1)
    torch.manual_seed(1)
    widths, n = _SIZES[given.size]
    result = Result("train", "Training", {"n_pairs": n, "batch": BATCH, "n_bits": N_BITS, "threads": 1})
    reliability = reliability_turns(random_pairs(n).given_labels, N_BITS, given.rounds)
    for way in reliability.seconds:
        result.add(f"Reliability of {n:,} pairs", way=way, seconds=reliability.of(way), times_blocks=reliability.ratio(way, BLOCKS))
    result.beat("reliability", ROW_BY_ROW, reliability.ratio(ROW_BY_ROW, BLOCKS))
    result.beat("reliability", WHOLE, reliability.ratio(WHOLE, BLOCKS))
    for width in given.widths or widths:
        turns = loop_turns(width, given.rounds)
        epochs = Turns({loop: _epochs(turns, reliability, loop, n) for loop in ("plain", "ours", "ours, medium")})
        for loop in epochs.seconds:
            parts = {f"{part}_s": turns.of(f"{loop}/{part}") for part in ("step", "encode")}
            hours = epochs.of(loop).times(EPOCHS / 3600)
            result.add(
                f"{EPOCHS} epochs of SCBCH", width=width, loop=loop, **parts, hours=hours, times_faster=epochs.ratio("plain", loop)
            )
            if loop != "plain":
                result.beat(f"training, width {width}, {loop}", "plain loop", epochs.ratio("plain", loop))
        result.reach("train_wide", epochs.ratio("plain", "ours"))
        flops = 6 * BATCH * (DIMS["image"] * width + width * width + DIMS["text"] * width + 2 * width * N_BITS)
        rate = sgemm_rate()
        result.limits[f"sgemm beside width {width}, GFLOP/s"] = rate
        result.near(
            f"a step at width {width}: its products alone",
            "sgemm",
            Spread.of([flops / 1e9 / rate.value / each for each in turns.seconds["ours/step"]]),
        )
    return result


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--widths", type=int, nargs="+")
    own.add_argument("--rounds", type=int, default=5)
    sys.exit(measure(__doc__, run, own))
