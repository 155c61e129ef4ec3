"""Which codes ``bench.search`` searches, at which size of the bench.

Decides the list. Does not know who searches them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.search_codes import KINDS, clustered, few, learned, real_codes, uniform
from model.codes import UInt8

TENS = 10_000_000
_N_QUERIES = 256


@dataclass(frozen=True, slots=True)
class World:
    """What is searched.

    Attributes:
        kind: One of :data:`bench.search_codes.KINDS`.
        n_codes: How many.
        n_bits: Bits of one.
    """

    kind: str
    n_codes: int
    n_bits: int


def worlds(size: str) -> list[World]:
    """Returns what is searched.

    Args:
        size: One of :data:`bench.result.SIZES`.

    Returns:
        Small ones first.
    """
    if size == "check":
        return [World("uniform", 200_000, 64), World("uniform", 200_000, 128), World("few", 200_000, 64)]
    if size == "bench":
        hundred = [World(kind, 100_000, 64) for kind in ("uniform", "clustered", "learned")]
        million = [World(kind, 1_000_000, n_bits) for n_bits in (64, 128) for kind in ("uniform", "clustered")]
        more = [World("learned", 1_000_000, 64), World("few", 1_000_000, 64)]
        return [*hundred, *million, *more, *(World(kind, TENS, 64) for kind in ("uniform", "clustered"))]
    return crossed(KINDS, (100_000, 1_000_000, TENS), (64, 128))


def crossed(kinds: Sequence[str], sizes: Sequence[int], lengths: Sequence[int]) -> list[World]:
    """Returns worlds of all combinations; learned codes are as long as the bundle makes them.

    Args:
        kinds: Of the codes.
        sizes: How many codes.
        lengths: Bits.

    Returns:
        Small ones first.
    """
    return [World(kind, n, b) for n in sizes for kind in kinds for b in (lengths if kind != "learned" else (64,))]


def made(world: World, bundle: Path, data: Path | None) -> tuple[UInt8, UInt8]:
    """Makes the codes of a world.

    Args:
        world: Which.
        bundle: Gives learned codes.
        data: Captions for it, or None.

    Returns:
        (N, n_bits / 8) uint8 codes and 256 queries that are alike but not among them.
    """
    n = world.n_codes + _N_QUERIES
    makers: dict[str, Callable[[], UInt8]] = {
        "uniform": lambda: uniform(n, world.n_bits),
        "clustered": lambda: clustered(n, world.n_bits),
        "few": lambda: few(n, world.n_bits),
        "learned": lambda: learned(n, real_codes(bundle, data)),
    }
    codes = makers[world.kind]()
    return np.ascontiguousarray(codes[_N_QUERIES:]), np.ascontiguousarray(codes[:_N_QUERIES])
