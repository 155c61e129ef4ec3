"""What distances mean, as searches need it: the radius within which a precision is reached, and what is written of each distance.

Decides what a search may ask of a bundle that was not calibrated for it. The precision of a hit depends on its distance alone, so
that its JSON is made once a distance and direction; the calibration may be exchanged while searches run. Does not know how
calibrations are measured, nor HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from app.cache.base import Modality
from app.retrieval import NOTHING_IS_NEAR, SearchBounds
from model.calibration import Calibration, Estimate
from model.errors import InvalidRequest

_DIGITS = 6  # as the file has them: what is shown is what a least precision is compared with


class _Held(NamedTuple):
    calibration: Calibration | None
    made_at_s: int | None
    known: dict[tuple[str, str], list[bytes]]


class Expectations:
    """A bundle's calibration, if it has one, with what is written of it.

    Args:
        calibration: What distances mean; None if nobody has measured it.
        n_bits: Bits of a code.
    """

    def __init__(self, calibration: Calibration | None, n_bits: int) -> None:
        self._distances = range(n_bits + 1)
        self._unknown = [_written(distance, None) for distance in self._distances]
        self.use(calibration)

    @property
    def calibration(self) -> Calibration | None:
        """The calibration that holds."""
        return self._held.calibration

    @property
    def made_at_s(self) -> int | None:
        """When it was made of judgements, seconds since 1970; None for the bundle's own."""
        return self._held.made_at_s

    def use(self, calibration: Calibration | None, made_at_s: int | None = None) -> None:
        """Exchanges the calibration, all at once.

        Args:
            calibration: What distances mean from now on.
            made_at_s: When it was made of judgements, seconds since 1970; None for the bundle's own.
        """
        curves = calibration.curves if calibration else {}
        known = {pair: [_written(distance, curve.at(distance)) for distance in self._distances] for pair, curve in curves.items()}
        self._held = _Held(calibration, made_at_s, known)

    def written(self, modality: Modality | None, target: Modality) -> Sequence[bytes]:
        """Returns what hits say of their distance.

        Args:
            modality: What the query's code was made from; None if that is not known.
            target: What is searched.

        Returns:
            UTF-8 JSON by distance, 0…n_bits: the distance and the members that follow from it.
        """
        return self._held.known.get((modality, target), self._unknown) if modality else self._unknown

    def narrowed(self, bounds: SearchBounds, modality: Modality | None) -> SearchBounds:
        """Turns a wanted precision into a radius.

        Args:
            bounds: What is asked for.
            modality: What the query's code is made from; None if that is not known.

        Returns:
            The bounds with the smaller of both radii.

        Raises:
            InvalidRequest: If a precision is wanted and it was not measured what distances mean here.
        """
        if bounds.min_precision is None:
            return bounds
        held = self._held
        if held.calibration is None:
            raise InvalidRequest("min_precision: it was not measured what this bundle's distances mean")
        if modality is None:
            raise InvalidRequest('min_precision: say in "modality" what the query is to count as, "image" or "text"')
        if (modality, bounds.target) not in held.known:
            raise InvalidRequest(f"min_precision: it was not measured what distances mean from {modality} to {bounds.target}")
        radius = held.calibration.max_distance(bounds.min_precision, modality, bounds.target)
        radius = NOTHING_IS_NEAR if radius is None else radius
        return replace(bounds, max_distance=radius if bounds.max_distance is None else min(radius, bounds.max_distance))


def _written(distance: int, estimate: Estimate | None) -> bytes:
    value = interval = None
    if estimate is not None:
        value, interval = round(estimate.value, _DIGITS), [round(estimate.low, _DIGITS), round(estimate.high, _DIGITS)]
    told = json.dumps({"expected_precision": value, "precision_interval": interval}, separators=(",", ":"))
    return f"{distance},{told[1:-1]}".encode()
