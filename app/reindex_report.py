"""How another bundle's codes differ from those that are served: by what searches would find.

Decides what is compared: a sample of the items themselves as queries, each by its text among the images and by its image among the
texts (by its own modality where all items have one only), itself left in. Does not know bundles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from app.cache.base import Modality
from app.catalog.base import Reencoded
from app.index.base import CodeIndex, Hit
from model.codes import Int64, UInt8

_K = 10
_WAYS: tuple[tuple[Modality, Modality], ...] = (("text", "image"), ("image", "text"), ("text", "text"), ("image", "image"))


@dataclass(frozen=True, slots=True)
class Change:
    """What one way of searching would find, before and after.

    Attributes:
        query: Modality of the queries.
        target: Modality of what is found.
        n_queries: Items of the sample.
        overlap_at_10: Share of the ten first hits that are the same, on average; 1 means all.
        first_distance: Average distance of the first hit, before and after, in bits.
        tenth_distance: The same of the last of ten.
        own_distance: Average distance of an item's text and image, where it has both.
        n_bits: Bits of a code, before and after.
    """

    query: Modality
    target: Modality
    n_queries: int
    overlap_at_10: float
    first_distance: tuple[float, float]
    tenth_distance: tuple[float, float]
    own_distance: tuple[float, float] | None
    n_bits: tuple[int, int]

    def line(self) -> str:
        """Returns it for readers."""
        own = "" if self.own_distance is None else f", of an item's text and image {_arrow(self.own_distance)}"
        hits = f"of the first hit {_arrow(self.first_distance)}, of the tenth {_arrow(self.tenth_distance)}"
        return (
            f"{self.query} → {self.target}: overlap@10 {self.overlap_at_10:.3f} over {self.n_queries} queries; "
            f"distance {hits}{own} (bits {self.n_bits[0]} → {self.n_bits[1]})"
        )


def compare(
    pairs: Iterable[tuple[Reencoded, Reencoded]],
    open_index: Callable[[int], CodeIndex],
    n_bits: tuple[int, int],
    *,
    n_queries: int = 200,
    seed: int = 0,
) -> list[Change]:
    """Searches both with the same items.

    Args:
        pairs: The served and the other codes of every item.
        open_index: Makes an empty index of a code length.
        n_bits: Bits of a served code, and of the other bundle's.
        n_queries: Items of the sample.
        seed: Chooses them.

    Returns:
        One entry a way of searching; none if there are no items.
    """
    served, others = _Codes(n_bits[0]), _Codes(n_bits[1])
    for before, after in pairs:
        served.take(before)
        others.take(after)
    changes: list[Change] = []
    for query, target in _WAYS:
        is_own = query == target
        if is_own and any(change.query != change.target for change in changes):
            break
        rows = served.rows(query)
        if len(rows) and len(served.rows(target)):
            chosen = np.sort(np.random.default_rng(seed).choice(rows, min(n_queries, len(rows)), replace=False))
            changes.append(_change(query, target, chosen, (served, others), open_index))
    return changes


class _Codes:
    """All codes of one bundle, by modality and row."""

    def __init__(self, n_bits: int) -> None:
        self.n_bits = n_bits
        self._codes: dict[Modality, dict[int, bytes]] = {"text": {}, "image": {}}

    def take(self, one: Reencoded) -> None:
        if one.text_code is not None:
            self._codes["text"][one.row_id] = one.text_code
        if one.image_code is not None:
            self._codes["image"][one.row_id] = one.image_code

    def rows(self, modality: Modality) -> Int64:
        return np.fromiter(self._codes[modality], np.int64)

    def of(self, modality: Modality, rows: Int64) -> UInt8:
        joined = b"".join(self._codes[modality][row] for row in rows.tolist())
        return np.frombuffer(joined, np.uint8).reshape(len(rows), -1)

    def hits(self, query: Modality, target: Modality, chosen: Int64, index: CodeIndex) -> list[list[Hit]]:
        rows = self.rows(target)
        index.add(rows, self.of(target, rows))
        return index.search(self.of(query, chosen), k=_K)

    def own_distance(self, chosen: Int64) -> float | None:
        both = np.array([row for row in chosen.tolist() if all(row in codes for codes in self._codes.values())], np.int64)
        if not len(both):
            return None
        return float(np.bitwise_count(self.of("text", both) ^ self.of("image", both)).sum(axis=1).mean())


def _change(
    query: Modality, target: Modality, chosen: Int64, codes: tuple[_Codes, _Codes], open_index: Callable[[int], CodeIndex]
) -> Change:
    before, after = (one.hits(query, target, chosen, open_index(one.n_bits)) for one in codes)
    shared = [len({hit.row_id for hit in a} & {hit.row_id for hit in b}) / len(a) for a, b in zip(before, after, strict=True)]
    own = codes[0].own_distance(chosen), codes[1].own_distance(chosen)
    return Change(
        query=query,
        target=target,
        n_queries=len(chosen),
        overlap_at_10=round(float(np.mean(shared)), 4),
        first_distance=(_mean(before, 0), _mean(after, 0)),
        tenth_distance=(_mean(before, -1), _mean(after, -1)),
        own_distance=None if own[0] is None or own[1] is None else (round(own[0], 2), round(own[1], 2)),
        n_bits=(codes[0].n_bits, codes[1].n_bits),
    )


def _mean(hits: list[list[Hit]], place: int) -> float:
    return round(float(np.mean([of_query[place].distance for of_query in hits])), 2)


def _arrow(values: tuple[float, float]) -> str:
    return f"{values[0]:g} → {values[1]:g}"


def as_json(changes: list[Change]) -> list[Mapping[str, object]]:
    """Returns the comparison for programs.

    Args:
        changes: What :func:`compare` returned.

    Returns:
        JSON values.
    """
    return [{name: getattr(change, name) for name in Change.__slots__} for change in changes]
