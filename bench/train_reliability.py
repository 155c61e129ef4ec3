"""Ways of estimating reliability, timed beside each other.

Decides what the plain ways are. Does not know the loops; see :mod:`bench.train`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.timing import Turns, take_turns
from training.methods.base import RelaxedCodes
from training.methods.scbch import ScbchOptions
from training.reliability import estimate_reliability

BLOCKS, WHOLE, ROW_BY_ROW = "in blocks", "whole matrix at once", "row by row"
_OPTIONS = ScbchOptions()
_ROWS = 500


@torch.no_grad()
def whole_reliability(codes: RelaxedCodes, labels: Tensor, rows: Tensor | None = None) -> Tensor:
    """Estimates reliability from all similarities of some rows at once.

    Args:
        codes: (N, n_bits) float32 each.
        labels: (N, C) float32.
        rows: (M,) int64, which; None for all.

    Returns:
        (M,) float32.
    """
    u, v = F.normalize(codes.image), F.normalize(codes.text)
    own = torch.arange(len(u)) if rows is None else rows
    similarity = (u[own] @ u.T + v[own] @ v.T) / 2
    similarity[torch.arange(len(own)), own] = 0
    nearest, index = similarity.topk(_OPTIONS.n_neighbours, dim=1)
    voted = (nearest[:, :, None] * labels[index]).sum(dim=1) / nearest.sum(dim=1, keepdim=True)
    floor = _OPTIONS.reliability_floor
    return floor + (1 - floor) * F.cosine_similarity(labels[own], voted, dim=1)


@torch.no_grad()
def reliability_by_rows(codes: RelaxedCodes, labels: Tensor, n_rows: int) -> Tensor:
    """Estimates the reliability of the first rows in a loop over them.

    Args:
        codes: (N, n_bits) float32 each.
        labels: (N, C) float32.
        n_rows: How many.

    Returns:
        (n_rows,) float32.
    """
    u, v, found = F.normalize(codes.image), F.normalize(codes.text), []
    for i in range(n_rows):
        similarity = (u @ u[i] + v @ v[i]) / 2
        similarity[i] = 0
        nearest, index = similarity.topk(_OPTIONS.n_neighbours)
        voted = (nearest[:, None] * labels[index]).sum(dim=0) / nearest.sum()
        found.append(F.cosine_similarity(labels[i], voted, dim=0))
    return _OPTIONS.reliability_floor + (1 - _OPTIONS.reliability_floor) * torch.stack(found)


def reliability_turns(labels: Tensor, n_bits: int, rounds: int) -> Turns:
    """Times ways of estimating reliability.

    Args:
        labels: (N, C) float32.
        n_bits: Bits of the random codes.
        rounds: Turns.

    Returns:
        Seconds for all pairs; the loop's are those of some rows, taken as many times.

    Raises:
        SystemExit: If they disagree.
    """
    n = len(labels)
    codes = RelaxedCodes(torch.randn(n, n_bits), torch.randn(n, n_bits))
    options = {"n_neighbours": _OPTIONS.n_neighbours, "floor": _OPTIONS.reliability_floor}
    blocks = partial(estimate_reliability, codes.image, codes.text, labels, **options)  # type: ignore[arg-type]
    n_rows = min(_ROWS, n)
    ways: dict[str, Callable[[], Tensor]] = {
        BLOCKS: blocks,
        WHOLE: lambda: whole_reliability(codes, labels),
        ROW_BY_ROW: lambda: reliability_by_rows(codes, labels, n_rows),
    }
    if any(not torch.allclose(way()[:n_rows], blocks()[:n_rows], atol=1e-4) for way in ways.values()):
        raise SystemExit("ways of estimating reliability disagree")
    seconds = dict(take_turns(ways, rounds=rounds).seconds)
    return Turns(seconds | {ROW_BY_ROW: [each * n / n_rows for each in seconds[ROW_BY_ROW]]})
