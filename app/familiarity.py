"""Which searches are too strange to be answered, and how familiar those are that come.

Decides what a search may ask of a bundle whose calibration does not know what is familiar, what holds where a search does not say,
and what is counted. Items and codes have no familiarity: it is told of a text or a picture when it is encoded. Does not know how it
is measured (``model.familiarity``) nor kept (``app.code_entries``). For one event loop.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from app.cache.base import Modality
from app.encoder import Encoded
from app.retrieval import SearchBounds
from model.calibration import Calibration
from model.errors import InvalidRequest
from model.familiarity import Familiarity

_log = logging.getLogger(__name__)
UNFAMILIAR = 0.02
"""Below it a query passes for one of another world: 1 to 3 % of the answerable were, 98 to 100 % of strangers from far away."""
EDGES = (0.001, 0.005, 0.01, UNFAMILIAR, 0.05, 0.1, 0.2, 0.5, 1.0)
"""What counts are kept by: so familiar at most."""
_MODALITIES: tuple[Modality, ...] = ("image", "text")


@dataclass(frozen=True, slots=True)
class FamiliarityFigure:
    """The queries of one modality since the service was put together.

    Attributes:
        modality: Of the queries.
        counts: How many were so familiar at most, and more than the edge before, in the order of :data:`EDGES`.
        total: Sum of their familiarity.
        n_unfamiliar: Those below :data:`UNFAMILIAR`.
        n_abstained: Those that got no answer, as they were below what was asked for.
    """

    modality: Modality
    counts: tuple[int, ...]
    total: float
    n_unfamiliar: int
    n_abstained: int

    @property
    def n(self) -> int:
        """Queries whose familiarity is known."""
        return sum(self.counts)


@dataclass(slots=True)
class _Counts:
    by_edge: list[int]
    total: float = 0.0
    n_unfamiliar: int = 0
    n_abstained: int = 0


class FamiliarityWatch:
    """Holds searches to a least familiarity, and counts them.

    Args:
        measured: Modalities whose familiarity is known.
        least: What holds where a search does not say; 0 for none.
    """

    def __init__(self, measured: Collection[Modality], least: float) -> None:
        self._counts = {modality: _Counts([0] * len(EDGES)) for modality in _MODALITIES if modality in measured}
        self._least = least
        if least and not self._counts:
            _log.warning("BITLENS_MIN_FAMILIARITY asks for nothing: this bundle's calibration does not know what is familiar")

    def bounded(self, bounds: SearchBounds, raw: Collection[Modality]) -> SearchBounds:
        """Fills in what holds where a search does not say.

        Args:
            bounds: What is asked for.
            raw: What of the query is a text or a picture; nothing if it is an item or a code.

        Returns:
            The bounds of the search.

        Raises:
            InvalidRequest: If a familiarity is wanted and nobody can tell it.
        """
        if not (self._least if bounds.min_familiarity is None else bounds.min_familiarity):
            return bounds
        is_known = bool(raw) and self._counts.keys() >= set(raw)
        if bounds.min_familiarity is None:
            return replace(bounds, min_familiarity=self._least) if is_known else bounds
        if not is_known:
            raise InvalidRequest(f"min_familiarity: {self._why_not(raw)}")
        return bounds

    def note(self, modality: Modality | None, encoded: Encoded, bounds: SearchBounds) -> None:
        """Counts a search.

        Args:
            modality: What the query counts as, or None.
            encoded: The query.
            bounds: From :meth:`bounded`.
        """
        counts, familiarity = self._counts.get(modality) if modality else None, encoded.familiarity
        if counts is None or familiarity is None:
            return
        counts.by_edge[bisect_left(EDGES, familiarity)] += 1
        counts.total += familiarity
        counts.n_unfamiliar += familiarity < UNFAMILIAR
        counts.n_abstained += is_stranger(encoded, bounds)

    def figures(self) -> tuple[FamiliarityFigure, ...]:
        """Returns what came so far, one a modality whose familiarity is known."""
        return tuple(
            FamiliarityFigure(modality, tuple(one.by_edge), one.total, one.n_unfamiliar, one.n_abstained)
            for modality, one in self._counts.items()
        )

    def _why_not(self, raw: Collection[Modality]) -> str:
        if not raw:
            return "only texts and pictures can be familiar, not items or codes"
        if not self._counts:
            return "it was not measured what is familiar to this bundle; `python -m training calibrate` does"
        missing = "pictures" if "image" not in self._counts else "texts"
        return f"it was not measured which {missing} are familiar to this bundle"


def is_stranger(encoded: Encoded, bounds: SearchBounds) -> bool:
    """Tells whether a query is too strange to be answered.

    Args:
        encoded: The query.
        bounds: From :meth:`FamiliarityWatch.bounded`.

    Returns:
        Whether it is less familiar than is asked for; never where nobody knows.
    """
    least, familiarity = bounds.min_familiarity, encoded.familiarity
    return least is not None and familiarity is not None and familiarity < least


def measures_of(calibration: Calibration | None) -> Mapping[Modality, Familiarity]:
    """Returns how a bundle's encoders are asked for familiarity.

    Args:
        calibration: The bundle's own.

    Returns:
        By modality, of those whose graph is known to show features; empty in calibrations of earlier versions.
    """
    known = calibration.familiarity if calibration else {}
    return {modality: known[modality] for modality in _MODALITIES if modality in known and known[modality].value}
