"""How many items, and how many relevant ones, lie at each distance from each query, in both directions at once: all that mAP needs.

Decides how they are counted where levels of shared labels do not matter. Does not know metrics.

Note: a query pair and an item pair share labels or not, whichever direction is asked. So one table takes both directions in: its
bin is relevant · S + d(image, text') · (n_bits + 1) + d(text, image'), S the next power of two; its sums over rows and columns are
the two histograms. A product of the labels, cut off at one shared label, gives the first part; the distances
d = (n_bits − ⟨a, b⟩) / 2 are linear in the signs, so a product of the joined signs adds the others. Bits of a factor are few enough
for bfloat16 and all sums below 2²⁴, so that products are exact at whatever precision they are computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from model.codes import Float32, Int64, sign_codes
from training.precision import matmul_precision
from training.ranking_histograms import LabelledCodes, RankingHistograms, ranking_histograms

_MOST_BITS = 128  # beyond, tables of pairs of distances no longer fit a processor's cache, nor factors bfloat16
_ROWS, _ITEMS = 64, 2**15


@dataclass(frozen=True, slots=True)
class RelevanceHistograms:
    """Counts for each of Q queries in one direction.

    Attributes:
        everything: (Q, n_bits + 1) int64, items by distance.
        relevant: (Q, n_bits + 1) int64, items that share a label with the query, by distance.
    """

    everything: Int64
    relevant: Int64


def relevance_histograms(
    query: LabelledCodes, database: LabelledCodes, *, exclude_own: bool = False
) -> Mapping[str, RelevanceHistograms | RankingHistograms]:
    """Counts database items by distance from each query, and the relevant ones among them.

    Args:
        query: Q pairs.
        database: N pairs, fewer than 2²⁴.
        exclude_own: Whether pair i is left out for query i.

    Returns:
        Histograms by direction, ``i2t`` and ``t2i``.

    Raises:
        CodeError: If a code is not finite.
    """
    n_query, n_bits = query.image.shape
    if n_bits > _MOST_BITS:
        return ranking_histograms(query, database, exclude_own=exclude_own)
    task = _Task.of(query, database)
    counts = torch.empty((2, 2, n_query, n_bits + 1), dtype=torch.int64)
    table = torch.empty((_ROWS, task.stride + (n_bits + 1) ** 2))
    with torch.no_grad(), matmul_precision("medium"):
        for rows in (slice(start, min(start + _ROWS, n_query)) for start in range(0, n_query, _ROWS)):
            task.count(rows, table[: rows.stop - rows.start])
            _reduce(table[: rows.stop - rows.start], task.stride, counts[:, :, rows])
    if exclude_own:
        _leave_out_own(counts, query)
    everything, relevant = (part.numpy() for part in (counts.sum(dim=1), counts[:, 1]))
    return {name: RelevanceHistograms(everything[i], relevant[i]) for i, name in enumerate(("i2t", "t2i"))}


@dataclass(frozen=True, slots=True)
class _Task:
    """Factors of the products.

    Attributes:
        signs: (Q, 2 n_bits), weighted so that a product is the distances' part of a bin but for a constant.
        targets: (2 n_bits, N).
        wanted: (Q, C + 2), labels times S, and the constant in two parts that bfloat16 holds.
        borne: (C + 2, N), labels, and ones.
        stride: S.
        most: A bin's part that says relevant, the constant included.
        scores: Room for a block of bins as they are computed.
        bins: Room for a row of them as they are counted.
    """

    signs: Tensor
    targets: Tensor
    wanted: Tensor
    borne: Tensor
    stride: int
    most: float
    scores: Tensor
    bins: Tensor

    @staticmethod
    def of(query: LabelledCodes, database: LabelledCodes) -> _Task:
        n_bits, n_items = query.image.shape[1], len(database.labels)
        stride, constant = 1 << ((n_bits + 1) ** 2 - 1).bit_length(), n_bits * (n_bits + 2) / 2
        high = float(torch.tensor(constant).bfloat16())
        rest = torch.tensor([high, constant - high]).expand(len(query.labels), 2)
        room = min(n_items, _ITEMS)
        return _Task(
            signs=torch.cat([_signs(query.image) * (-(n_bits + 1) / 2), _signs(query.text) / -2], dim=1),
            targets=torch.cat([_signs(database.text), _signs(database.image)], dim=1).T,
            wanted=torch.cat([torch.from_numpy(query.labels).float() * stride, rest], dim=1),
            borne=torch.cat([torch.from_numpy(database.labels).float(), torch.ones((n_items, 2))], dim=1).T,
            stride=stride,
            most=stride + constant,
            scores=torch.empty((_ROWS, room)),
            bins=torch.empty(room, dtype=torch.int64),
        )

    def count(self, rows: slice, into: Tensor) -> None:
        """Fills a block's tables; rooms are made once, as fresh memory costs more than the arithmetic."""
        into.zero_()
        ones = torch.ones(len(self.bins))
        for start in range(0, self.targets.shape[1], _ITEMS):
            items = slice(start, start + _ITEMS)
            borne, targets = self.borne[:, items], self.targets[:, items]
            n = targets.shape[1]
            scores = torch.mm(self.wanted[rows], borne, out=self.scores.ravel()[: len(into) * n].view(len(into), n))
            scores.clamp_(max=self.most).addmm_(self.signs[rows], targets)
            for row, bins in zip(into, scores, strict=True):
                row.scatter_add_(0, self.bins[:n].copy_(bins), ones[:n])


def _signs(codes: Float32) -> Tensor:
    return torch.from_numpy(sign_codes(codes)).float()


def _reduce(table: Tensor, stride: int, into: Tensor) -> None:
    """Sums tables: (rows, S + (n_bits + 1)²) to (2 directions, 2 of irrelevant and relevant, rows, n_bits + 1)."""
    side = into.shape[-1]
    for is_relevant in (0, 1):
        first = is_relevant * stride
        by_distances = table[:, first : first + side * side].view(-1, side, side)
        into[0, is_relevant], into[1, is_relevant] = by_distances.sum(dim=2), by_distances.sum(dim=1)


def _leave_out_own(counts: Tensor, pairs: LabelledCodes) -> None:
    own = (sign_codes(pairs.image) != sign_codes(pairs.text)).sum(axis=1)
    is_relevant = pairs.labels.any(axis=1)
    rows = torch.arange(len(own))
    counts[:, torch.from_numpy(is_relevant).long(), rows, torch.from_numpy(own)] -= 1
