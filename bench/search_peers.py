"""The indexes that ``bench.search`` compares, each behind one call.

Decides their settings and up to which size a peer takes part. One that is not installed is left out. Does not know what is timed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import faiss
import numpy as np

from app.index import IndexKind, open_index, warm_up
from app.index.base import CodeIndex
from app.index.segments import SegmentedIndex
from model.codes import Int64, UInt8

Search = Callable[[UInt8, int], Int64]
FLAT, SCAN, AUTO = "faiss flat", "bitlens scan", "bitlens auto"
EXACT = (FLAT, SCAN, AUTO, "faiss IDMap2", "usearch exact", "numpy")
_FILLED_AT_MOST, _SLOW_AT_MOST = 1_000_000, 100_000  # codes for peers that take long to fill, and to ask


@dataclass(frozen=True, slots=True)
class Peer:
    """One index.

    Attributes:
        name: Its name.
        search: Returns (Q, k) positions of the nearest codes, −1 where there are fewer.
        engine: Which variant ours has chosen; nothing for others.
        bytes_a_code: Memory that ours counts.
    """

    name: str
    search: Search
    engine: str = ""
    bytes_a_code: float = 0.0


def peers(codes: UInt8, *, ours_only: bool = False) -> Iterator[Peer]:
    """Fills one index after another; the first is the reference.

    Args:
        codes: (N, n_bits / 8) uint8.
        ours_only: Whether only ours stand beside the reference.

    Yields:
        The indexes.
    """
    yield Peer(FLAT, lambda queries, k: faiss.knn_hamming(queries, codes, k)[1])
    kinds: dict[str, IndexKind] = {SCAN: "scan", AUTO: "auto"}
    for name, kind in kinds.items():
        index = filled(kind, codes)
        yield Peer(name, searching(index), index.figures().engine, index.figures().n_bytes / len(codes))
    if ours_only or len(codes) > _FILLED_AT_MOST:
        return
    yield Peer("faiss IDMap2", _faiss(faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(8 * codes.shape[1])), codes, with_ids=True))
    yield Peer("faiss MultiHash", _multi_hash(codes))
    yield Peer("faiss BinaryHash", _binary_hash(codes))
    if len(codes) <= _SLOW_AT_MOST:
        yield Peer("usearch exact", _usearch(codes, exact=True))
        yield Peer("usearch HNSW", _usearch(codes, exact=False))
        yield Peer("numpy", lambda queries, k: _numpy(codes, queries, k))
    if importlib.util.find_spec("hammingbird") is not None:
        yield Peer("hammingbird", _hammingbird(codes))


def filled(kind: IndexKind, codes: UInt8) -> CodeIndex:
    """Returns an index of ours that has done what it does in the background.

    Args:
        kind: Which variant.
        codes: (N, n_bits / 8) uint8, of rows 0…N − 1.

    Returns:
        The index.
    """
    warm_up(8 * codes.shape[1], kind=kind, n_codes=len(codes))
    index = open_index(8 * codes.shape[1], kind=kind)
    index.load(np.arange(len(codes)), codes)
    inner = getattr(index, "_index", index)
    if isinstance(inner, SegmentedIndex):
        inner.settle()
    return index


def searching(index: CodeIndex) -> Search:
    """Returns an index of ours behind the call that all have.

    Args:
        index: Ours.

    Returns:
        What searches it.
    """
    return lambda queries, k: _padded([[hit.row_id for hit in hits] for hits in index.search(queries, k=k)], k)


def _faiss(index: faiss.IndexBinary, codes: UInt8, *, with_ids: bool = False) -> Search:
    if with_ids:
        index.add_with_ids(codes, np.arange(len(codes)))
    else:
        index.add(codes)
    return lambda queries, k: index.search(queries, k)[1]


def _multi_hash(codes: UInt8) -> Search:
    n_bits = 8 * codes.shape[1]
    index = faiss.IndexBinaryMultiHash(n_bits, n_bits // 16, 16)
    index.nflip = 2
    return _faiss(index, codes)


def _binary_hash(codes: UInt8) -> Search:
    index = faiss.IndexBinaryHash(8 * codes.shape[1], 16)
    index.nflip = 3
    return _faiss(index, codes)


def _usearch(codes: UInt8, *, exact: bool) -> Search:
    from usearch.index import Index

    index = Index(ndim=8 * codes.shape[1], metric="hamming", dtype="b1")
    index.add(np.arange(len(codes)), codes, threads=1)
    return lambda queries, k: np.atleast_2d(index.search(queries, k, exact=exact, threads=1).keys).astype(np.int64)


def _numpy(codes: UInt8, queries: UInt8, k: int) -> Int64:
    found = []
    for query in queries:
        distances = np.bitwise_count(codes ^ query).sum(axis=1, dtype=np.int64)
        nearest = np.argpartition(distances, k - 1)[:k]
        found.append(nearest[np.argsort(distances[nearest], kind="stable")])
    return np.stack(found)


def _hammingbird(codes: UInt8) -> Search:
    """Finds all codes within a radius of 4, as its page describes it; it has no wheel for every platform, and was not run here."""
    index = importlib.import_module("hammingbird").Index(d_bytes=codes.shape[1], k=4)
    index.add_batch(codes)

    def search(queries: UInt8, k: int) -> Int64:
        found = [sorted(index.query(query), key=lambda hit: (hit[1], hit[0]))[:k] for query in queries]
        return _padded([[row for row, _ in hits] for hits in found], k)

    return search


def _padded(rows: list[list[int]], k: int) -> Int64:
    found = np.full((len(rows), k), -1, np.int64)
    for one, of_query in enumerate(rows):
        found[one, : len(of_query)] = of_query
    return found
