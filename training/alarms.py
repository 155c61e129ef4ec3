"""Alarms: a run that cannot come to anything is told so while it still costs little.

Decides what counts as gone wrong, and the words. Does not know how training goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from model.codes import Float32, sign_codes
from model.errors import TrainingStopped
from training.config import TrainingSection

_CONSTANT, _COLLAPSED = 0.99, 0.5
_FEWEST = 100  # of fewer codes 99 % are all of them, and a handful may well agree in a bit
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """How much of their length codes use; of both modalities the worse.

    Attributes:
        constant_bits: Bits with the same value in more than 99 % of the codes; 0 if there are fewer than 100 codes.
        largest_code_share: Share of the codes that equal the most frequent one, in (0, 1].
    """

    constant_bits: int
    largest_code_share: float


def code_facts(*relaxed_codes: Float32) -> CodeFacts:
    """Measures codes.

    Args:
        *relaxed_codes: (N, n_bits) float32 for each modality; N > 0.

    Returns:
        The worst of them.
    """
    n_constant, shares = [], []
    for side in (sign_codes(codes) > 0 for codes in relaxed_codes):
        share = side.mean(axis=0)
        n_constant.append(int((np.maximum(share, 1 - share) > _CONSTANT).sum()) if len(side) >= _FEWEST else 0)
        counts = np.unique(np.packbits(side, axis=1), axis=0, return_counts=True)[1]
        shares.append(float(counts.max() / len(side)))
    return CodeFacts(max(n_constant), max(shares))


def check_codes(facts: CodeFacts, epoch: int, options: TrainingSection) -> None:
    """Raises the alarm if codes have collapsed; not in the first epochs, whose codes may do so and recover.

    Args:
        facts: Of the codes after the epoch.
        epoch: Counted from 1.
        options: What an alarm does, and from which epoch on.

    Raises:
        TrainingStopped: If more than half of all codes are equal or a bit is constant, and alarms are to stop training.
    """
    if epoch < options.alarm_from_epoch:
        return
    advice = "try a smaller training.learning_rate, another training.seed, or less weight on the terms that pull codes together"
    if facts.largest_code_share > _COLLAPSED:
        share = f"{facts.largest_code_share:.0%}"
        _raise_alarm(f"epoch {epoch}: codes have collapsed: {share} of them are equal; {advice}", options)
    elif facts.constant_bits:
        bits = f"{facts.constant_bits} of {options.n_bits} bits are constant over more than {_CONSTANT:.0%} of the codes"
        _raise_alarm(f"epoch {epoch}: {bits}; {advice}, or fewer training.n_bits", options)


def check_finite(history: Mapping[str, Sequence[Tensor]], epoch: int, options: TrainingSection) -> None:
    """Raises the alarm if a loss term or the gradient was not finite in some batch.

    Args:
        history: Scalars of the batches in their order, by name.
        epoch: Counted from 1.
        options: What an alarm does.

    Raises:
        TrainingStopped: If any is infinite or not a number, and alarms are to stop training; names the first batch and its terms.
    """
    bad = {name: torch.stack(list(values)).isfinite().logical_not().nonzero().flatten() for name, values in history.items()}
    batches = {name: int(found[0]) + 1 for name, found in bad.items() if len(found)}
    if batches:
        batch = min(batches.values())
        names = " and ".join(name for name, first in batches.items() if first == batch)
        _raise_alarm(
            f"epoch {epoch}, batch {batch}: {names} is not finite; try a smaller training.learning_rate or "
            "training.precision=float32, and look for extreme values in the features",
            options,
        )


def _raise_alarm(message: str, options: TrainingSection) -> None:
    if options.alarms == "stop":
        raise TrainingStopped(f"{message}; training.alarms=warn, with another --out, goes on all the same")
    if options.alarms == "warn":
        _log.warning(message)
