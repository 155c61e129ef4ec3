"""Whether the distances that searches meet are still those that the bundle's calibration was measured on.

Decides what is looked at: of each new query one item drawn at random, which says the same however large the index is; the newest
pairs of each direction; and from how many on it is judged. The measure, and what counts as drift, are ``model.drift``'s. Costs a
search next to nothing: the items are drawn beforehand, away from the event loop. For one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.cache.base import Modality
from app.caller import forget_caller
from app.code_samples import CodeSamples, DrawnCodes
from model.calibration import Calibration, DistanceCurve
from model.codes import UInt8
from model.drift import Drift, measure_drift
from model.errors import HashingError

_log = logging.getLogger(__name__)
N_NEEDED = 500
"""Pairs below which nothing is said."""
_TURN = 2_000  # pairs after which the older half of what is looked at is forgotten
_FEWEST_ITEMS, _MOST_ITEMS = 200, 2_000  # fewer do not stand for what the calibration was measured on
_LOOK_EVERY, _JUDGE_EVERY = 64, 100  # queries
_PAIRS: Sequence[tuple[Modality, Modality]] = [("image", "text"), ("text", "image"), ("image", "image"), ("text", "text")]
_OVER = 0.75  # of the threshold: below it a drift that was told is over


@dataclass(frozen=True, slots=True)
class DriftFigure:
    """One direction at one moment.

    Attributes:
        asks: Modality of the queries.
        found: Modality of the items.
        n_pairs: Pairs looked at, the newest ones.
        drift: The comparison; None as long as they are too few.
    """

    asks: Modality
    found: Modality
    n_pairs: int
    drift: Drift | None

    @property
    def words(self) -> str:
        """What that means, in a sentence."""
        way = f"{self.asks} → {self.found}"
        if self.drift is None:
            return f"{way}: {self.n_pairs} of the {N_NEEDED} queries that are needed to tell"
        return self.drift.words(self.asks, self.found) or f"{way}: distances are those of the calibration"


@dataclass(slots=True, eq=False)
class _Direction:
    """The newest pairs of one direction by distance, in two halves, the older of which is forgotten as a whole."""

    asks: Modality
    found: Modality
    curve: DistanceCurve
    older: list[int] = field(init=False)
    newer: list[int] = field(init=False)
    n_newer: int = 0
    is_told: bool = False

    def __post_init__(self) -> None:
        self.older, self.newer = ([0] * len(self.curve.n_pairs) for _ in range(2))

    def add(self, distance: int) -> None:
        if self.n_newer == _TURN:
            self.older, self.newer, self.n_newer = self.newer, [0] * len(self.newer), 0
        self.newer[distance] += 1
        self.n_newer += 1
        if not self.n_newer % _JUDGE_EVERY:
            self.judge()

    def figure(self) -> DriftFigure:
        counts = [old + new for old, new in zip(self.older, self.newer, strict=True)]
        n_pairs = sum(counts)
        drift = measure_drift(counts, self.curve) if n_pairs >= N_NEEDED else None
        return DriftFigure(self.asks, self.found, n_pairs, drift)

    def judge(self) -> None:
        """Logs the beginning of a drift, and its end, once."""
        drift = (figure := self.figure()).drift
        if drift is None:
            return
        if drift.is_drifting and not self.is_told:
            self.is_told = True
            _log.warning("distances drift away from the calibration: %s", figure.words)
        elif self.is_told and drift.total_variation < _OVER * drift.threshold:
            self.is_told = False
            _log.info("distances are those of the calibration again: %s → %s", self.asks, self.found)


class DriftMonitor:
    """Compares live distances with a calibration's, direction by direction.

    Args:
        calibration: What was measured; None if nothing was, and nothing is compared.
        samples: Items drawn at random.
    """

    def __init__(self, calibration: Calibration | None, samples: CodeSamples) -> None:
        curves = calibration.curves if calibration else {}
        self._directions = {pair: _Direction(*pair, curves[pair]) for pair in _PAIRS if pair in curves}
        self._samples = samples
        self._drawn: DrawnCodes | None = None
        self._items: dict[Modality, list[int]] = {}
        self._at = self._n_until_look = 0
        self._drawing: asyncio.Task[None] | None = None

    def note(self, code: bytes, asks: Modality, found: Modality) -> None:
        """Looks at one new query. Many of the same one would count as if they were independent: leave them out.

        Args:
            code: Its packed code.
            asks: What it was made from.
            found: What was searched.
        """
        direction = self._directions.get((asks, found))
        if direction is None:
            return
        if not self._n_until_look:
            self._look()
        self._n_until_look -= 1
        items = self._items.get(found)
        if items:
            self._at += 1
            direction.add((int.from_bytes(code) ^ items[self._at % len(items)]).bit_count())

    def figures(self) -> tuple[DriftFigure, ...]:
        """Returns what was found so far, one a calibrated direction."""
        return tuple(direction.figure() for direction in self._directions.values())

    def _look(self) -> None:
        """Takes the items that stand for the index; if there are none now, they are drawn behind the search's back."""
        self._n_until_look = _LOOK_EVERY
        latest = self._samples.latest
        if latest is not None and not self._samples.are_stale():
            self._take(latest)
        elif self._drawing is None:
            self._drawing = asyncio.get_running_loop().create_task(self._draw())
            self._drawing.add_done_callback(self._has_drawn)

    def _take(self, drawn: DrawnCodes) -> None:
        if drawn is not self._drawn:
            self._drawn = drawn
            enough = {one: sample.packed_codes for one, sample in drawn.of.items() if len(sample.packed_codes) >= _FEWEST_ITEMS}
            self._items = {modality: _numbers(packed_codes[:_MOST_ITEMS]) for modality, packed_codes in enough.items()}

    async def _draw(self) -> None:
        forget_caller()
        try:
            self._take(await self._samples.fresh())
        except HashingError:
            _log.debug("no items were drawn to compare queries with", exc_info=True)

    def _has_drawn(self, _: asyncio.Task[None]) -> None:
        self._drawing = None


def _numbers(packed_codes: UInt8) -> list[int]:
    content, width = packed_codes.tobytes(), packed_codes.shape[1]
    return [int.from_bytes(content[start : start + width]) for start in range(0, len(content), width)]
