"""What a Hamming distance means: the measured probability that a hit at a distance is relevant.

Decides what a bundle's calibration holds, its form as JSON (``calibration.json``) and its two questions: what precision is to be
expected at a distance, and within which distance a wanted precision is reached. Does not know how it was fitted
(``model.calibration_fit``), nor codes; whether a query is of this world at all is ``model.familiarity``. Imports no torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal, get_args

from model.errors import BundleCorrupt, BundleIncompatible
from model.familiarity import Familiarity

FILE_NAME = "calibration.json"
FORMAT_VERSION = 1
Kind = Literal["labels", "partner", "judgements"]
"""What counts as relevant: an item that shares a label with the query, the query's own other half alone, or what people said."""
MODALITY_PAIRS = (("image", "text"), ("text", "image"), ("image", "image"), ("text", "text"))
"""What may ask, and what may be found."""
_CURVES, _COUNTS = ("value", "low", "high"), ("n_pairs", "n_relevant", "n_nearest")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A probability with its interval.

    Attributes:
        value: In [0, 1].
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DistanceCurve:
    """What was measured of one kind of query and one kind of item, by distance 0…n_bits.

    Attributes:
        value: P(relevant), never rising with distance.
        low: Lower ends of the 95 % intervals, never rising either.
        high: Upper ends, likewise.
        n_pairs: Query–item pairs that were looked at.
        n_relevant: How many of them were relevant; the expected number where labels are probabilities.
        n_nearest: Queries by the distance of the item nearest to them.
        base_rate: Share of relevant ones among all pairs that the probabilities hold for; that of the pairs looked at, or one that
            was known better.
    """

    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n_pairs: tuple[int, ...]
    n_relevant: tuple[float, ...]
    n_nearest: tuple[int, ...]
    base_rate: float

    def at(self, distance: int) -> Estimate:
        """Returns the estimate at a distance.

        Args:
            distance: In 0…n_bits.

        Returns:
            Value and interval.
        """
        return Estimate(self.value[distance], self.low[distance], self.high[distance])

    def at_base_rate(self, base_rate: float) -> DistanceCurve:
        """Returns the curve for an index with another share of relevant items.

        The odds at every distance change by the same factor, as long as relevant items lie as far from a query as they did, and
        irrelevant ones too (M. Saerens et al., 2002, https://doi.org/10.1162/089976602753284446).

        Args:
            base_rate: In (0, 1).

        Returns:
            A copy.
        """
        more, less = base_rate / self.base_rate, (1 - base_rate) / (1 - self.base_rate)
        moved = {
            name: tuple(more * share / (more * share + less * (1 - share)) for share in getattr(self, name)) for name in _CURVES
        }
        return replace(self, **moved, base_rate=base_rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The meaning of a bundle's distances, by what asks and what is found.

    Attributes:
        kind: What counted as relevant.
        n_bits: Bits of a code.
        bundle_id: The bundle whose codes were measured.
        curves: By (query modality, target modality); combinations that were not measured are absent.
        measured_on: Facts of the measurement for whoever reads it: data set, numbers of queries and items, whose labels.
        familiarity: What the measured pairs are like, by modality; empty in calibrations of earlier versions.
    """

    kind: Kind
    n_bits: int
    bundle_id: str
    curves: dict[tuple[str, str], DistanceCurve]
    measured_on: dict[str, Any] = field(default_factory=dict)
    familiarity: dict[str, Familiarity] = field(default_factory=dict)

    def expected_precision(self, distance: int, query_modality: str, target_modality: str) -> Estimate | None:
        """Returns the probability that an item at a distance is relevant.

        It holds for indexes with as large a share of relevant items as that it was measured on.

        Args:
            distance: In 0…n_bits.
            query_modality: ``image`` or ``text``.
            target_modality: ``image`` or ``text``.

        Returns:
            The estimate; None if this combination was not measured.
        """
        curve = self.curves.get((query_modality, target_modality))
        return curve.at(distance) if curve else None

    def max_distance(self, min_precision: float, query_modality: str, target_modality: str) -> int | None:
        """Returns the distance within which every item's expected precision is at least so high.

        Args:
            min_precision: In [0, 1].
            query_modality: ``image`` or ``text``.
            target_modality: ``image`` or ``text``.

        Returns:
            The largest such distance; None if not even distance 0 comes up to it, or the combination was not measured.
        """
        curve = self.curves.get((query_modality, target_modality))
        n_reaching = sum(value >= min_precision for value in curve.value) if curve else 0
        return n_reaching - 1 if n_reaching else None

    @property
    def feature_values(self) -> dict[str, str]:
        """What features are called within the bundle's graphs, by modality, as far as that is known."""
        return {name: known.value for name, known in self.familiarity.items() if known.value}

    def of_bundle(self, bundle_id: str, n_bits: int) -> Calibration:
        """Returns this calibration if it is one of a bundle's codes.

        Args:
            bundle_id: The bundle's identity.
            n_bits: Its code length.

        Returns:
            Itself.

        Raises:
            BundleIncompatible: If it was measured on another bundle's codes.
        """
        if (self.bundle_id, self.n_bits) != (bundle_id, n_bits):
            raise BundleIncompatible(
                f"{FILE_NAME} was measured on bundle {self.bundle_id} ({self.n_bits} bits), not on {bundle_id} ({n_bits} bits); "
                "delete the file, and make another by `python -m training calibrate`"
            )
        return self

    def carried_to(self, bundle_id: str, feature_values: Mapping[str, str] | None = None) -> Calibration:
        """Returns this calibration as another bundle's that gives the very same codes.

        Args:
            bundle_id: The other one's identity.
            feature_values: What features are called within its graphs, by modality.

        Returns:
            A copy.
        """
        values = feature_values or {}
        familiarity = {name: replace(known, value=values.get(name)) for name, known in self.familiarity.items()}
        return replace(self, bundle_id=bundle_id, familiarity=familiarity)

    def to_json(self) -> bytes:
        """Returns canonical JSON, probabilities with six digits behind the point."""
        facts = {"format_version": FORMAT_VERSION, **{name: getattr(self, name) for name in ("kind", "n_bits", "bundle_id")}}
        curves = {"-".join(pair): _rounded(asdict(curve)) for pair, curve in self.curves.items()}
        familiarity = {modality: found.to_facts() for modality, found in self.familiarity.items()}
        whole = {**facts, "curves": curves, "measured_on": self.measured_on, "familiarity": familiarity}
        return (json.dumps(whole, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> Calibration:
        """Reads what :meth:`to_json` wrote.

        Args:
            content: Bytes of ``calibration.json``.

        Returns:
            The calibration.

        Raises:
            BundleCorrupt: If it is no JSON, a field is missing or of another type, or a curve rises or has another length.
            BundleIncompatible: If its format version is another.
        """
        try:
            raw = json.loads(content)
            version = raw["format_version"]
        except (ValueError, TypeError, KeyError) as error:
            raise BundleCorrupt(f"{FILE_NAME} of the bundle is not a calibration: {error}") from error
        if version != FORMAT_VERSION:
            raise BundleIncompatible(f"{FILE_NAME} has format {version}; this version of Bitlens reads format {FORMAT_VERSION}")
        try:
            curves = {pair: _curve(raw["curves"]["-".join(pair)]) for pair in MODALITY_PAIRS if "-".join(pair) in raw["curves"]}
            facts = {name: raw[name] for name in ("kind", "n_bits", "bundle_id", "measured_on")}
            familiarity = {each: Familiarity.from_facts(known) for each, known in raw.get("familiarity", {}).items()}
            found = cls(curves=curves, familiarity=familiarity, **facts)
            found._check()
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BundleCorrupt(f"{FILE_NAME} of the bundle is damaged: {error!r}") from error
        return found

    def _check(self) -> None:
        if self.kind not in get_args(Kind) or not isinstance(self.measured_on, dict) or not self.curves:
            raise ValueError(f"kind {self.kind!r}, {len(self.curves)} curves")
        for pair, curve in self.curves.items():
            for name in (*_CURVES, *_COUNTS):
                numbers = getattr(curve, name)
                if len(numbers) != self.n_bits + 1 or min(numbers) < 0:
                    raise ValueError(f"{name} of {pair} has {len(numbers)} numbers of {self.n_bits + 1}, or one below 0")
            if not 0 < curve.base_rate < 1:
                raise ValueError(f"base rate {curve.base_rate} of {pair}")
            if any(max(getattr(curve, name)) > 1 or _rises(getattr(curve, name)) for name in _CURVES):
                raise ValueError(f"a curve of {pair} rises, or is above 1")


def _rounded(curve: Mapping[str, Any]) -> dict[str, Any]:
    lists = {name: [round(number, 6) for number in curve[name]] for name in (*_CURVES, *_COUNTS)}
    return {**lists, "base_rate": round(curve["base_rate"], 6)}


def _curve(raw: Mapping[str, Any]) -> DistanceCurve:
    lists: dict[str, Any] = {name: tuple(raw[name]) for name in (*_CURVES, *_COUNTS)}
    return DistanceCurve(**lists, base_rate=float(raw["base_rate"]))


def _rises(numbers: tuple[float, ...]) -> bool:
    return any(later > earlier for earlier, later in pairwise(numbers))
