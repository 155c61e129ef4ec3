"""Times exact search beside its peers on the same codes, one thread, and beside what reading the codes alone takes.

    OMP_NUM_THREADS=1 python -m bench.search [--size check|bench|large] [--n-codes N …] [--n-bits B …] [--codes KIND …]
                                             [--data DIR] [--k 10] [--rounds 9]

All indexes hold the same codes and are asked in turns, so that each finds the processor's caches full of the others' codes; "again
and again" is one index asked for some milliseconds on end. Times are the processor's, so that whoever else wants the cores counts
little. Exact ones must find what faiss's flat scan finds, ours the same rows in the same order, or the script fails; of the others
it is told which share of the hits they find. Learned codes are those that a bundle gives captions, multiplied
(:mod:`bench.search_codes`): made-up captions, or those of ``--data``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from time import process_time

import faiss
import numpy as np

from bench.machine import require_threads
from bench.result import Result, measure
from bench.search_codes import KINDS
from bench.search_peers import AUTO, EXACT, FLAT, SCAN, Peer, peers
from bench.search_targets import READING, Found, reach
from bench.search_worlds import World, crossed, made, worlds
from bench.timing import take_turns
from model.codes import Int64, UInt8, hamming_distances

_BATCH, _A_TURN_S = 16, 0.01


def compare(codes: UInt8, queries: UInt8, k: int, *, rounds: int, ours_only: bool = False) -> Found:
    """Fills all indexes with the same codes and times them.

    Args:
        codes: (N, n_bits / 8) uint8.
        queries: (≥ 16, n_bits / 8) uint8.
        k: Hits asked for.
        rounds: Turns.
        ours_only: Whether only ours and the reference take part.

    Returns:
        What was measured.

    Raises:
        SystemExit: If an exact one does not find the same.
    """
    named = list(peers(codes, ours_only=ours_only))
    batch = queries[:_BATCH]
    truth, recall = named[0].search(batch, k), {}
    for peer in named:
        rows = peer.search(batch, k)
        recall[peer.name] = _recall(rows, truth, batch, codes)
        if (peer.name in EXACT and recall[peer.name] < 1) or (peer.name in (SCAN, AUTO) and not np.array_equal(rows, truth)):
            raise SystemExit(f"{peer.name} finds other codes than {FLAT}")
    words = codes.reshape(-1).view(np.uint64)
    calls = {peer.name: _asking(peer, queries, 1, k) for peer in named}
    calls[READING] = lambda: np.bitwise_xor.reduce(words)
    one = take_turns(calls, rounds=3 * rounds, warm_ups=3, clock=process_time)
    calls = {name: calls[name] for name in (FLAT, SCAN, AUTO)}
    again = take_turns(calls, rounds=rounds, at_least_s=_A_TURN_S, clock=process_time)
    calls = {peer.name: _asking(peer, queries, _BATCH, k) for peer in named if peer.name in calls}
    together = take_turns(calls, rounds=rounds, at_least_s=_A_TURN_S, clock=process_time)
    told = {peer.name: peer for peer in named if peer.engine}
    engine, memory = ({name: getattr(peer, fact) for name, peer in told.items()} for fact in ("engine", "bytes_a_code"))
    return Found(one, again, together, recall, engine, memory)


def _asking(peer: Peer, queries: UInt8, n_together: int, k: int) -> Callable[[], object]:
    groups = cycle([queries[start : start + n_together] for start in range(0, len(queries) - n_together + 1, n_together)])
    return lambda: peer.search(next(groups), k)


def _recall(found: Int64, truth: Int64, queries: UInt8, codes: UInt8) -> float:
    """Returns the share of hits that are not farther than the true k-th one."""
    shares = []
    for rows, true, query in zip(found, truth, queries, strict=True):
        held = rows[(rows >= 0) & (rows < len(codes))]
        farthest = hamming_distances(query[None, :], codes[true[-1:]])[0, 0]
        near = hamming_distances(query[None, :], codes[held])[0] <= farthest if len(held) else np.zeros(0)
        shares.append(float(near.sum() / len(true)))
    return float(np.mean(shares))


def tell(result: Result, world: World, found: Found) -> None:
    """Puts a world into the result.

    Args:
        result: Takes rows, duels and limits.
        world: Which.
        found: What was measured.
    """
    what = f"{world.n_codes:,} {world.kind} codes of {world.n_bits} bits"
    for name in found.recall:
        engine = f" ({found.engine[name]})" if name == AUTO else ""
        row = {"index": f"{name}{engine}", "one_query_µs": found.one.of(name).times(1e6)}
        row |= {"times_faiss": found.one.ratio(FLAT, name), "recall": found.recall[name]}
        if name in found.batch.seconds:
            row["again_and_again_µs"] = found.again.of(name).times(1e6)
            row["times_faiss, again"] = found.again.ratio(FLAT, name)
            row["16_together_each_µs"] = found.batch.of(name).times(1e6 / _BATCH)
            row["times_faiss, 16"] = found.batch.ratio(FLAT, name)
        result.add(what, **row, bytes_a_code=found.bytes_a_code.get(name, ""))
        if name not in (SCAN, AUTO):
            result.beat(f"one query, {what}", name, found.one.ratio(name, AUTO))
    result.beat(f"one query again and again, {what}", FLAT, found.again.ratio(FLAT, AUTO))
    result.beat(f"16 together, {what}", FLAT, found.batch.ratio(FLAT, AUTO))
    result.near(f"scan for one query, {what}", READING, found.one.ratio(READING, SCAN))


def run(given: argparse.Namespace) -> Result:
    """Measures.

    Args:
        given: Sizes.

    Returns:
        A table a world, and the targets of searching.
    """
    require_threads(1)
    faiss.omp_set_num_threads(1)
    wanted = worlds(given.size)
    if given.n_codes or given.n_bits or given.codes:
        wanted = crossed(given.codes or KINDS[:2], given.n_codes or [1_000_000], given.n_bits or [64])
    captions = "made up" if given.data is None else f"{given.data.name}'s"
    settings = {"k": given.k, "threads": 1, "captions_of_learned_codes": captions}
    result = Result("search", "Search", settings, libraries=["usearch", "hammingbird"])
    found = {}
    for world in wanted:
        found[world] = compare(
            *made(world, given.bundle, given.data), given.k, rounds=given.rounds, ours_only=given.size == "check"
        )
        tell(result, world, found[world])
    reach(result, found)
    return result


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("--n-codes", type=int, nargs="+")
    own.add_argument("--n-bits", type=int, nargs="+")
    own.add_argument("--codes", choices=KINDS, nargs="+")
    own.add_argument("--data", type=Path, metavar="DIR", help="folder of pairs, for learned codes")
    own.add_argument("--bundle", type=Path, default=Path("bundles/photos-64"))
    own.add_argument("--k", type=int, default=10)
    own.add_argument("--rounds", type=int, default=9)
    sys.exit(measure(__doc__, run, own))
