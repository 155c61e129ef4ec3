"""What a query and a hit have in common, and how sure the bits were in which they differ.

A bit's certainty is min(1, |rᵢ|·√n_bits / ‖r‖) for the relaxed code r: 1 at the usual size and above, whatever length the heads
give their codes; 0 on the boundary where the bit changes. That nothing becomes surer beyond the usual size, and that a bit below
0.2 is hardly better than a coin toss, was measured (``docs/explanations.md``).

Decides what is told of a pair. Does not know where codes come from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from app.cache.base import Modality
from app.explanation_schemas import DifferingBit, HitExplanation, LabelsMeasured, PredictedLabel, QueryExplanation, SharedLabel
from model.codes import Float32, Int8, Int64, unpack_codes
from model.label_reader import LabelReader

UNDECIDED_BELOW = 0.2
_DIGITS = 3
_NO_READER = "nothing was learned that reads labels off this bundle's codes; `python -m training labels` does that"
_SAY_MODALITY = 'say in "modality" what the query is to count as, "image" or "text"'


class Explained(NamedTuple):
    """What is told of a search, as JSON.

    Attributes:
        query: A :class:`app.explanation_schemas.QueryExplanation`.
        hits: A :class:`app.explanation_schemas.HitExplanation` a hit.
    """

    query: bytes
    hits: list[bytes]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a query or a hit.

    Attributes:
        signs: (n_bits,) int8 of −1 and +1.
        certainty: (n_bits,) float32 in [0, 1], or None if only the signs are known.
        labels: Probabilities of the labels that it is predicted to have; None if none can be read.
        missing: Why none can be read, or None.
    """

    signs: Int8
    certainty: Float32 | None
    labels: dict[str, float] | None
    missing: str | None

    @property
    def undecided(self) -> npt.NDArray[np.bool_]:
        """(n_bits,) whether each bit's certainty is known to be below :data:`UNDECIDED_BELOW`."""
        return np.zeros(len(self.signs), bool) if self.certainty is None else self.certainty < UNDECIDED_BELOW


def known(code: bytes, relaxed: npt.NDArray[np.floating] | None, modality: Modality | None, reader: LabelReader | None) -> Known:
    """Looks at one code.

    Args:
        code: Packed code, n_bits / 8 bytes.
        relaxed: (n_bits,) floats that it was cut from, or None.
        modality: What it was made from, or None if that is not known.
        reader: Reads labels, if that was learned.

    Returns:
        What is known of it.
    """
    signs = unpack_codes(np.frombuffer(code, np.uint8)[None, :])
    certainty = None if relaxed is None else certainty_of(relaxed, signs[0])
    if reader is None:
        return Known(signs[0], certainty, None, _NO_READER)
    if modality is None:
        return Known(signs[0], certainty, None, _SAY_MODALITY)
    probabilities = zip(reader.names, reader.probabilities(modality, signs)[0].tolist(), strict=True)
    return Known(signs[0], certainty, {name: p for name, p in probabilities if p >= reader.least_probability}, None)


def certainty_of(relaxed: npt.NDArray[np.floating], signs: Int8) -> Float32:
    """Returns how sure each bit was.

    Args:
        relaxed: (n_bits,) floats before the sign.
        signs: (n_bits,) int8 of −1 and +1, the code; where it has another sign than ``relaxed``, that was near 0.

    Returns:
        (n_bits,) float32 in [0, 1].
    """
    towards = relaxed.astype(np.float64) * signs
    length = float(np.linalg.norm(towards))
    return np.clip(towards * (math.sqrt(len(signs)) / length if length else 0.0), 0.0, 1.0).astype(np.float32)


def explained(query: Known, hits: Sequence[Known], reader: LabelReader | None) -> Explained:
    """Explains a search.

    Args:
        query: What was searched by.
        hits: What was found.
        reader: Reads labels, if that was learned.

    Returns:
        JSON of everything.
    """
    told = [explain_hit(query, hit).model_dump_json().encode() for hit in hits]
    own = None if query.labels is None else {name: _short(query.labels[name]) for name in _surest(query.labels)}
    of_query = QueryExplanation(
        **_undecided_bits(query),
        labels_missing=query.missing,
        labels=None if own is None else [PredictedLabel(name=name, probability=p) for name, p in own.items()],
        least_probability=None if reader is None else reader.least_probability,
        labels_measured=None if reader is None else LabelsMeasured(**reader.measured),
        undecided_below=UNDECIDED_BELOW,
    )
    return Explained(of_query.model_dump_json().encode(), told)


def explain_hit(query: Known, hit: Known) -> HitExplanation:
    """Tells why an item was found.

    Args:
        query: What was searched by.
        hit: What was found.

    Returns:
        Shared labels, differing bits, and what undecided bits come to.
    """
    differing, doubtful = query.signs != hit.signs, query.undecided | hit.undecided
    n_differing, n_both = int(differing.sum()), int((differing & doubtful).sum())
    reach = [n_differing - n_both, n_differing + int(doubtful.sum()) - n_both]
    shared = _shared(query, hit)
    return HitExplanation(
        **_undecided_bits(hit),
        labels_missing=query.missing or hit.missing,
        labels=shared,
        n_differing=n_differing,
        differing_bits=_differing_bits(query, hit, np.flatnonzero(differing)),
        distance_range=reach,
        summary=_in_words(query, hit, shared, reach),
    )


def _shared(query: Known, hit: Known) -> list[SharedLabel] | None:
    """Returns the labels of both, the one first that is surest where it is least sure."""
    if query.labels is None or hit.labels is None:
        return None
    least = {name: min(p, hit.labels[name]) for name, p in query.labels.items() if name in hit.labels}
    return [SharedLabel(name=name, query=_short(query.labels[name]), hit=_short(hit.labels[name])) for name in _surest(least)]


def _differing_bits(query: Known, hit: Known, bits: Int64) -> list[DifferingBit]:
    sides = [side if side is None else side[bits] for side in (query.certainty, hit.certainty)]
    weights = np.minimum.reduce([side for side in sides if side is not None] or [np.ones(len(bits), np.float32)])
    of_query, of_hit = ([None] * len(bits) if side is None else [_short(one) for one in side.tolist()] for side in sides)
    order = np.argsort(-weights, kind="stable").tolist()
    return [DifferingBit(bit=int(bits[i]), weight=_short(weights[i]), query=of_query[i], hit=of_hit[i]) for i in order]


def _undecided_bits(one: Known) -> dict[str, Any]:
    bits = None if one.certainty is None else np.flatnonzero(one.undecided).tolist()
    return {"undecided_bits": bits, "n_undecided": None if bits is None else len(bits)}


def _in_words(query: Known, hit: Known, shared: Sequence[SharedLabel] | None, reach: Sequence[int]) -> str:
    told = [] if shared is None else ["No label is predicted for both."]
    if shared:
        told = [f"Both are predicted to have: {', '.join(label.name for label in shared)}."]
    n_bits = len(query.signs)
    told.append(f"Differing bits: {int((query.signs != hit.signs).sum())} of {n_bits}.")
    sides = {"query": query, "hit": hit}
    counted = [f"{int(one.undecided.sum())} of the {name}" for name, one in sides.items() if one.certainty is not None]
    if not counted:
        told.append("How sure the bits were is not known.")
    elif reach[0] == reach[1]:
        told.append("No bit was nearly undecided.")
    else:
        told.append(f"Nearly undecided: {', '.join(counted)}; the distance could be {reach[0]} to {reach[1]}.")
    return " ".join(told)


def _surest(labels: dict[str, float]) -> list[str]:
    return sorted(labels, key=lambda name: -labels[name])


def _short(value: float) -> float:
    return round(float(value), _DIGITS)
