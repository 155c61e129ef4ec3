"""How healthy the codes of the live index are, measured now and then from samples.

Decides which pairs of codes are compared. What the measures are is told in ``model.code_health``; does not know HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.cache.base import Modality
from app.code_samples import CodeSamples, DrawnCodes
from app.pools import Pool
from model.code_health import CodeHealth, all_alarms, measure_codes, modality_gap
from model.codes import Int64, UInt8, hamming_distances

_MOST_PAIRS = 200_000
SIDES: tuple[tuple[Modality, Modality], ...] = (("image", "image"), ("text", "text"), ("image", "text"))


@dataclass(frozen=True, slots=True)
class CodeReport:
    """The health of the codes at one moment.

    Attributes:
        health: By modality; None where there are no codes.
        n_held: Codes in the index by modality.
        gap: The modality gap, in [0, 2]; None unless there are images and texts.
        distances: By what is compared with what, (n_bits + 1) pairs of two different codes by distance, drawn at random.
        alarms: What is wrong, a sentence each.
        drawn: The samples it was measured on.
    """

    health: Mapping[Modality, CodeHealth | None]
    n_held: Mapping[Modality, int]
    gap: float | None
    distances: Mapping[tuple[Modality, Modality], Int64]
    alarms: tuple[str, ...]
    drawn: DrawnCodes


class CodeReports:
    """The latest report; for one event loop.

    Args:
        samples: What is measured.
        pool: Where it is measured.
    """

    def __init__(self, samples: CodeSamples, pool: Pool) -> None:
        self._samples = samples
        self._pool = pool
        self._measuring = asyncio.Lock()
        self._latest: CodeReport | None = None

    async def latest(self) -> CodeReport:
        """Returns the report on the samples as they are now; measured at most once a draw, one at a time.

        Returns:
            The report.

        Raises:
            Overloaded: If too many searches are waiting.
            DeadlinePassed: If the caller has no time left.
        """
        async with self._measuring:
            drawn = await self._samples.fresh()
            if self._latest is None or self._latest.drawn is not drawn:
                self._latest = await self._pool.run(measure, drawn)
            return self._latest


def measure(drawn: DrawnCodes) -> CodeReport:
    """Measures samples.

    Args:
        drawn: What of.

    Returns:
        The report.
    """
    codes = {modality: sample.packed_codes for modality, sample in drawn.of.items()}
    health = {modality: measure_codes(some) if len(some) else None for modality, some in codes.items()}
    image, text = health["image"], health["text"]
    return CodeReport(
        health=health,
        n_held={modality: sample.n_held for modality, sample in drawn.of.items()},
        gap=modality_gap(image, text) if image and text else None,
        distances={pair: _distances(codes[pair[0]], codes[pair[1]]) for pair in SIDES},
        alarms=tuple(all_alarms(image, text)),
        drawn=drawn,
    )


def _distances(one: UInt8, other: UInt8) -> Int64:
    """Counts pairs by distance: all if they are few, else some at random; of one sample with itself no code with itself."""
    n_bits, same = one.shape[1] * 8, one is other
    if len(one) * len(other) <= _MOST_PAIRS:
        every = hamming_distances(one, other)
        found = every[np.triu_indices(len(one), 1)] if same else every.ravel()
    else:
        rng = np.random.default_rng(0)
        ours = rng.integers(len(one), size=_MOST_PAIRS)
        if same:
            theirs = (ours + rng.integers(1, len(one), size=_MOST_PAIRS)) % len(one)
        else:
            theirs = rng.integers(len(other), size=_MOST_PAIRS)
        found = np.bitwise_count(one[ours] ^ other[theirs]).sum(axis=1, dtype=np.int64)
    return np.bincount(found, minlength=n_bits + 1).astype(np.int64)
