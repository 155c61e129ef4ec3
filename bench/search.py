"""Times exact search against its peers on the same codes, one thread, interleaved, beside what reading the codes alone takes.

    python -m bench.search [--n-codes 100000 1000000] [--n-bits 64 128] [--codes uniform clustered learned] [--data DIR]
                           [--k 10] [--rounds 31] [--json FILE] [--markdown FILE]

All indexes are called in turn with the same query, so that whatever else the machine does falls on all of them, and each finds the
processor's caches full of the others' codes; "alone" is an index called again and again. Figures are medians of microseconds. Exact
indexes must find what faiss's flat scan finds, or the script fails; of the others it prints which share of the hits they find.
Learned codes are those of a bundle for a gallery's captions, multiplied (``bench.search_codes``); they need ``--data``.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np

from bench.search_codes import clustered, learned, real_codes, uniform
from bench.search_peers import Search, peers
from model.codes import Int64, UInt8, hamming_distances

_BATCH, _WARM = 16, 3
_APPROXIMATE = ("faiss MultiHash", "faiss BinaryHash", "usearch HNSW", "hammingbird")


@dataclass(frozen=True)
class Line:
    """One index on one set of codes.

    Attributes:
        codes: Kind of the codes.
        n_codes: How many.
        n_bits: Bits of one.
        name: Which index.
        one_us: Microseconds of one query, the median.
        spread: Its quartiles, microseconds.
        alone_us: The same with nothing else called in between.
        batch_us: Microseconds of each of a batch of 16, the median.
        faster: Times as fast as faiss flat: one query, alone, batch.
        recall: Share of the distances among the true ones.
        read_us: Microseconds of reading all codes once.
    """

    codes: str
    n_codes: int
    n_bits: int
    name: str
    one_us: float
    spread: tuple[float, float]
    alone_us: float
    batch_us: float
    faster: tuple[float, float, float]
    recall: float
    read_us: float


def timed(searches: list[Search], queries: UInt8, k: int, rounds: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Calls all in turn.

    Args:
        searches: What is timed.
        queries: (Q, B, n_bits / 8) uint8, B queries a call.
        k: Hits asked for.
        rounds: Calls timed of each.

    Returns:
        (rounds, searches) microseconds a query.
    """
    times = np.empty((rounds, len(searches)))
    for at in range(-_WARM, rounds):
        for one, search in enumerate(searches):
            started = time.perf_counter()
            search(queries[at % len(queries)], k)
            if at >= 0:
                times[at, one] = (time.perf_counter() - started) * 1e6 / queries.shape[1]
    return times


def compare(kind: str, codes: UInt8, queries: UInt8, k: int, rounds: int) -> list[Line]:
    """Fills all indexes with the same codes and times them.

    Args:
        kind: What the codes are.
        codes: (N, n_bits / 8) uint8.
        queries: (≥ 16, n_bits / 8) uint8, alike but not among them.
        k: Hits asked for.
        rounds: Calls timed of each.

    Returns:
        One line an index; the reference first.

    Raises:
        SystemExit: If an exact one does not find the same.
    """
    named = list(peers(codes))
    truth = named[0][1](queries[:_BATCH], k)
    recalls = [_recall(search(queries[:_BATCH], k), truth, queries[:_BATCH], codes) for _, search in named]
    for (name, search), recall in zip(named, recalls, strict=True):
        is_other = name.startswith("bitlens") and not np.array_equal(search(queries[:_BATCH], k), truth)
        if is_other or (recall < 1 and name not in _APPROXIMATE):
            raise SystemExit(f"{name} finds other codes than {named[0][0]}")
    searches = [search for _, search in named]
    one = timed(searches, queries[:, None, :], k, rounds)
    batch = timed(searches, np.stack([np.roll(queries, -shift, axis=0)[:_BATCH] for shift in range(5)]), k, max(rounds // 4, 3))
    words = codes.reshape(-1).view(np.uint64 if codes.size % 8 == 0 else np.uint8)
    read_us = float(np.median(timed([lambda _queries, _k: np.bitwise_xor.reduce(words)], queries[:, None, :], k, rounds)))
    middle, middle_of_batch = np.median(one, axis=0), np.median(batch, axis=0)
    alone = np.array([np.median(timed([search], queries[:, None, :], k, rounds)) for search in searches])
    low, high = np.percentile(one, [25, 75], axis=0)
    lines = []
    for at, (name, _) in enumerate(named):
        faster = (middle[0] / middle[at], alone[0] / alone[at], middle_of_batch[0] / middle_of_batch[at])
        us = float(middle[at]), (float(low[at]), float(high[at])), float(alone[at]), float(middle_of_batch[at])
        lines.append(Line(kind, len(codes), 8 * codes.shape[1], name, *us, faster, recalls[at], read_us))
    return lines


def _recall(found: Int64, truth: Int64, queries: UInt8, codes: UInt8) -> float:
    """Returns the share of hits that are not farther than the true k-th one."""
    shares = []
    for rows, true, query in zip(found, truth, queries, strict=True):
        held = rows[(rows >= 0) & (rows < len(codes))]
        farthest = hamming_distances(query[None, :], codes[true[-1:]])[0, 0]
        shares.append(
            float((hamming_distances(query[None, :], codes[held])[0] <= farthest).sum() / len(true)) if len(held) else 0.0
        )
    return float(np.mean(shares))


def markdown(lines: list[Line]) -> str:
    """Returns a table.

    Args:
        lines: What was measured.

    Returns:
        Markdown.
    """
    head = "| codes | N | bits | index | one query, µs (quartiles) | alone | 16 together, each | × faiss | recall | reading |"
    rows = [
        f"| {one.codes} | {one.n_codes:,} | {one.n_bits} | {one.name} "
        f"| {one.one_us:,.1f} ({one.spread[0]:,.1f}–{one.spread[1]:,.1f}) | {one.alone_us:,.1f} | {one.batch_us:,.1f} "
        f"| {', '.join(f'{times:.2f}' for times in one.faster)} | {one.recall:.3f} | {one.read_us:,.0f} |"
        for one in lines
    ]
    return "\n".join([head, "|" + 10 * "---|", *rows])


def main() -> None:
    """Reads the arguments, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-codes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--n-bits", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--codes", nargs="+", choices=["uniform", "clustered", "learned"], default=["uniform", "clustered"])
    parser.add_argument("--data", type=Path, help="folder of pairs, for learned codes")
    parser.add_argument("--bundle", type=Path, default=Path("bundles/photos-64"))
    for name, default in (("k", 10), ("rounds", 31)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    faiss.omp_set_num_threads(1)
    lines: list[Line] = []
    real = real_codes(given.bundle, given.data) if "learned" in given.codes and given.data is not None else None
    for kind in given.codes:
        for n_bits in given.n_bits if kind != "learned" else [0 if real is None else 8 * real.shape[1]]:
            if kind == "learned" and real is None:
                parser.error("learned codes need --data")
            for n_codes in given.n_codes:
                codes = (
                    learned(n_codes + 256, real) if real is not None and kind == "learned" else _made(kind, n_codes + 256, n_bits)
                )
                codes = codes[np.random.default_rng(1).permutation(len(codes))]
                lines += compare(kind, np.ascontiguousarray(codes[256:]), np.ascontiguousarray(codes[:256]), given.k, given.rounds)
                print(markdown(lines[-len(peers_in(lines)) :]), flush=True)
    print(f"one thread of {platform.processor() or platform.machine()}, faiss {faiss.__version__}, numpy {np.__version__}")
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(line) for line in lines], indent=1), encoding="utf-8")
    if given.markdown is not None:
        given.markdown.write_text(markdown(lines) + "\n", encoding="utf-8")


def peers_in(lines: list[Line]) -> list[Line]:
    """Returns the lines of the last set of codes."""
    last = lines[-1]
    return [line for line in lines if (line.codes, line.n_codes, line.n_bits) == (last.codes, last.n_codes, last.n_bits)]


def _made(kind: str, n_codes: int, n_bits: int) -> UInt8:
    return uniform(n_codes, n_bits) if kind == "uniform" else clustered(n_codes, n_bits)


if __name__ == "__main__":
    main()
