"""A calibration made of judgements, in the place of the bundle's own.

Decides what it is made from: always the bundle's own calibration and all judgements that are kept now, so that it may be made as
often as wanted; a direction with too few judgements stays the bundle's. It lies in the catalogue, so that backups hold it and each
bundle has its own. The service notices when a command line has made one. Does not know the estimator (``model.recalibration``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.catalog.base import Catalog
from app.expectations import Expectations
from app.judgements import Direction
from app.pools import Pool
from app.regularly import Rhythm, regularly
from model.calibration import Calibration, DistanceCurve
from model.errors import HashingError, InvalidRequest
from model.recalibration import JudgedHits, lacking, refit

_log = logging.getLogger(__name__)
_LOOKS = Rhythm(2.0, "whether there is another calibration is looked up later", _log)
_UNKNOWN = "a calibration of the bundle to begin with"


class Used(NamedTuple):
    """What became of a direction's judgements.

    Attributes:
        n: How many there are.
        n_relevant: Those that say relevant.
        n_queries: Different queries among them.
        lacking: Why they were not used, in words; empty if they were.
        base_rate: Expected share of relevant items; None if the bundle does not know this direction.
    """

    n: int
    n_relevant: int
    n_queries: int
    lacking: str
    base_rate: float | None


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """A calibration with what it was made from.

    Attributes:
        calibration: The calibration.
        used: By direction; those that neither the bundle nor a judgement knows are absent.
    """

    calibration: Calibration
    used: dict[tuple[str, str], Used]


def recalibrated(own: Calibration | None, judged: Mapping[Direction, JudgedHits]) -> Recalibrated:
    """Makes a calibration of judgements.

    Args:
        own: The bundle's own.
        judged: Judged hits by direction.

    Returns:
        The calibration.

    Raises:
        InvalidRequest: If no direction has enough judgements, or the bundle has no calibration to begin with.
    """
    if own is None:
        raise InvalidRequest("the bundle has no calibration to begin with: `python -m training calibrate` makes one")
    hits: dict[tuple[str, str], JudgedHits] = {(asks, found): each for (asks, found), each in judged.items()}
    why_not = {pair: lacking(hits.get(pair)) if pair in own.curves else _UNKNOWN for pair in (*own.curves, *hits)}
    if all(why_not.values()):
        told = "; ".join(f"{asks} → {found} lacks {why_not[asks, found]}" for asks, found in sorted(hits))
        raise InvalidRequest(f"too few judgements: {told or f'a direction lacks {lacking(None)}'}")
    curves = {pair: curve if why_not[pair] else refit(curve, hits[pair]) for pair, curve in own.curves.items()}
    used = {pair: _used(hits.get(pair), why, curves.get(pair)) for pair, why in why_not.items()}
    facts = {"-".join(pair): {"n": one.n, "n_relevant": one.n_relevant} for pair, one in used.items() if not one.lacking}
    measured_on = {"judgements": facts, "bundle": {"kind": own.kind, **own.measured_on}}
    return Recalibrated(replace(own, kind="judgements", curves=curves, measured_on=measured_on), used)


class Recalibration:
    """Makes and takes back calibrations, and lets searches use the one that is kept.

    Args:
        catalog: Holds judgements and the calibration made of them.
        own: The bundle's own calibration.
        expectations: Are told which one holds.
        read_pool: Reads the catalogue.
        writer_pool: Writes it; one thread.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        own: Calibration | None,
        expectations: Expectations,
        read_pool: Pool,
        writer_pool: Pool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._catalog = catalog
        self._own = own
        self.expectations = expectations
        self._read_pool = read_pool
        self._writer_pool = writer_pool
        self._clock = clock
        self._number = 0

    def load(self) -> None:
        """Lets searches use the calibration that is kept, or the bundle's own; blocks.

        Raises:
            CatalogError: If the catalogue cannot be read.
        """
        self._number = self._catalog.calibration_number()  # before the content: if that is newer, the next look sees it
        kept = self._catalog.kept_calibration()
        if kept is None:
            self.expectations.use(self._own)
            return
        try:
            found = Calibration.from_json(kept.content).of_bundle(self._catalog.bundle_id, self._catalog.n_bits)
            self.expectations.use(found, kept.kept_at_s)
        except HashingError:
            _log.exception("the calibration made of judgements cannot be used; the bundle's own holds")
            self.expectations.use(self._own)

    async def refit(self) -> Recalibrated:
        """Makes a calibration of the judgements there are, keeps it and lets searches use it.

        Returns:
            The calibration and what it was made from.

        Raises:
            InvalidRequest: If there are too few judgements; nothing has changed then.
            Overloaded: If too much is waiting, or the service changes over to another bundle.
            CatalogError: If the catalogue cannot be used.
        """
        made = await self._read_pool.run(lambda: recalibrated(self._own, self._catalog.judged_hits()))
        await self._keep(made.calibration.to_json())
        return made

    async def reset(self) -> None:
        """Goes back to the bundle's own calibration.

        Raises:
            Overloaded: If too much is waiting, or the service changes over to another bundle.
            CatalogError: If the catalogue cannot be used.
        """
        await self._keep(None)

    async def look(self) -> bool:
        """Uses a calibration that somebody else has kept or taken back.

        Returns:
            Whether there was one.

        Raises:
            Overloaded: If too much is waiting.
            CatalogError: If the catalogue cannot be read.
        """
        if await self._read_pool.run(self._catalog.calibration_number) == self._number:
            return False
        await self._read_pool.run(self.load)
        _log.info("another calibration holds")
        return True

    async def run(self) -> None:
        """Looks until it is cancelled."""
        await regularly(self.look, _LOOKS)

    async def _keep(self, content: bytes | None) -> None:
        await self._writer_pool.run(self._catalog.keep_calibration, content, int(self._clock()))
        await self._read_pool.run(self.load)


def _used(hits: JudgedHits | None, why_not: str, curve: DistanceCurve | None) -> Used:
    counts = (0, 0, 0) if hits is None else (len(hits), hits.n_relevant, hits.n_queries)
    return Used(*counts, why_not, curve.base_rate if curve else None)
