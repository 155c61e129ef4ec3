"""What ``bench.search`` found, and which targets of the bench that reaches.

Decides which world speaks for which target. Does not measure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bench.result import Plot, Result
from bench.search_peers import AUTO, FLAT, SCAN
from bench.search_worlds import TENS, World
from bench.timing import Spread, Turns

READING = "reading the codes"


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured in a world.

    Attributes:
        one: Seconds of one query, each index in its turn.
        again: The same of ours and faiss flat, asked again and again in a turn.
        batch: Seconds of a batch of 16, of ours and faiss flat.
        recall: Share of the hits that are as near as the true ones, by name.
        engine: Which variant ours has chosen, by name; nothing for others.
        bytes_a_code: Memory that ours counts, by name.
    """

    one: Turns
    again: Turns
    batch: Turns
    recall: dict[str, float]
    engine: dict[str, str]
    bytes_a_code: dict[str, float]


def reach(result: Result, found: Mapping[World, Found]) -> None:
    """Says what was reached of the targets.

    Args:
        result: Takes the targets.
        found: What was measured; a world that is missing reaches nothing.
    """

    def of(kind: str, n_bits: int, largest: int = 1_000_000) -> list[Found]:
        return [each for world, each in found.items() if (world.kind, world.n_bits) == (kind, n_bits) and world.n_codes <= largest]

    if flat := of("uniform", 64, TENS)[-2:]:
        result.reach("search_one", _least([each.one.ratio(FLAT, SCAN) for each in flat]))
        result.reach("search_one_again", _least([each.again.ratio(FLAT, SCAN) for each in flat]))
        result.reach("search_one_of_limit", flat[-1].one.ratio(READING, SCAN))
    for key, n_bits in (("search_batch_64", 64), ("search_batch_128", 128)):
        for each in of("uniform", n_bits)[-1:]:
            result.reach(key, each.batch.ratio(FLAT, AUTO))
    for key, kind, n_bits in (("worst_random", "uniform", 128), ("worst_few", "few", 64)):
        for each in of(kind, n_bits)[-1:]:
            result.reach(key, each.one.ratio(AUTO, SCAN))
    _reach_near(result, found)
    _reach_clustered(result, {world.n_codes: found[world] for world in found if (world.kind, world.n_bits) == ("clustered", 64)})


def _reach_near(result: Result, found: Mapping[World, Found]) -> None:
    """Says what was reached where codes lie close together: of clustered and learned ones the lesser."""
    keys = {
        1_000_000: ("search_clustered_1m", "search_clustered_1m_again"),
        TENS: ("search_clustered_10m", "search_clustered_10m_again"),
    }
    for n_codes, (key, again) in keys.items():
        near = [found[w] for w in found if w.kind in ("clustered", "learned") and (w.n_codes, w.n_bits) == (n_codes, 64)]
        if near:
            result.reach(key, _least([each.one.ratio(FLAT, AUTO) for each in near]))
            result.reach(again, _least([each.again.ratio(FLAT, AUTO) for each in near]))


def _reach_clustered(result: Result, by_size: Mapping[int, Found]) -> None:
    if TENS in by_size:
        result.reach("memory_flat", Spread.exactly(by_size[TENS].bytes_a_code[SCAN]))
        result.reach("memory_hashed", Spread.exactly(by_size[TENS].bytes_a_code[AUTO]))
    if len(by_size) > 1:
        least, most = min(by_size), max(by_size)
        grown = zip(by_size[most].one.seconds[AUTO], by_size[least].one.seconds[AUTO], strict=True)
        result.reach("search_exponent", Spread.of([math.log(b / a) / math.log(most / least) for b, a in grown]))
        points = {name: [(n, each.one.of(name).value * 1e6) for n, each in by_size.items()] for name in (FLAT, SCAN, AUTO)}
        result.plots.append(Plot("One query, clustered codes of 64 bits", "codes", "µs", points, log="xy"))


def _least(ratios: list[Spread]) -> Spread:
    return min(ratios, key=lambda spread: spread.value)
