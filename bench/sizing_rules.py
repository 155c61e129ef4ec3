"""From measured constants to memory, disk, processors and pods.

Decides the arithmetic, which is all linear but for the search, whose time grows with a power of the number of codes. Does not know
where the constants come from (:mod:`bench.sizing`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

MIB, GIB = 2**20, 2**30


@dataclass(frozen=True, slots=True)
class Constants:
    """What was measured on one machine.

    Attributes:
        process_mib: Memory of a service that has answered everything for a while, without its index.
        compiling_mib: More of it where the searches had to be compiled at its start.
        index_bytes: Of a code in memory, by code length; the largest of the ways in which codes may lie.
        cached_code_bytes: Of an entry of the code cache in the process.
        kept_item_bytes: Of an item kept in front of the catalogue.
        catalogue_bytes: On disk, of an item with two codes of 64 bits, a caption, a payload and a picture's entry.
        snapshot_bytes: On disk, of a code in the snapshot, by code length.
        picture_bytes_beyond: On disk, of a picture beyond its own bytes.
        cpu_us: Processor time of a request by kind, microseconds, with :attr:`at_items` items.
        most_a_second: Requests that one process answered, by kind.
        at_items: Items at which requests were measured.
        search_us: Time of one search among :attr:`at_items` codes.
        exponent: Of the number of codes in the time of a search.
        start_s: From exec to ready without items.
        snapshot_s: Seconds a million items that a start with a snapshot adds.
        catalogue_s: Seconds a million items that a start without one adds.
        compiling_s: Seconds that compiling the searches adds, once for each folder and kind of processor.
    """

    process_mib: float
    compiling_mib: float
    index_bytes: Mapping[int, float]
    cached_code_bytes: float
    kept_item_bytes: float
    catalogue_bytes: float
    snapshot_bytes: Mapping[int, float]
    picture_bytes_beyond: float
    cpu_us: Mapping[str, float]
    most_a_second: Mapping[str, float]
    at_items: int
    search_us: float
    exponent: float
    start_s: float
    snapshot_s: float
    catalogue_s: float
    compiling_s: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What a service is to do.

    Attributes:
        n_items: Items; each has a caption and a picture, so two codes.
        n_bits: Bits of a code.
        rates: Requests a second by kind.
        picture_bytes: Of a picture, on average; 0 if pictures are not kept here.
        busy: Share of a core that is planned to be used.
        cache_entries: Codes kept in the process.
        kept_items: Items kept in the process.
    """

    n_items: int
    n_bits: int = 64
    rates: Mapping[str, float] | None = None
    picture_bytes: float = 0.0
    busy: float = 0.6
    cache_entries: int = 100_000
    kept_items: int = 20_000


def memory_mib(known: Constants, asked: Asked) -> float:
    """Returns the memory of a process.

    Args:
        known: Constants.
        asked: What it is to do.

    Returns:
        MiB.
    """
    caches = asked.cache_entries * known.cached_code_bytes + min(asked.kept_items, asked.n_items) * known.kept_item_bytes
    return known.process_mib + known.compiling_mib + (caches + asked.n_items * 2 * known.index_bytes[asked.n_bits]) / MIB


def disk_gib(known: Constants, asked: Asked) -> float:
    """Returns what lies in the data folder, twice the snapshot among it: it is written anew beside the last one.

    Args:
        known: Constants.
        asked: What it is to do.

    Returns:
        GiB.
    """
    catalogue = known.catalogue_bytes + 2 * (asked.n_bits - 64) / 8
    picture = asked.picture_bytes + known.picture_bytes_beyond if asked.picture_bytes else 0.0
    return asked.n_items * (catalogue + picture + 2 * 2 * known.snapshot_bytes[asked.n_bits]) / GIB


def cpu_us(known: Constants, kind: str, n_items: int) -> float:
    """Returns the processor time of a request; more codes than were measured take a longer search, fewer are not counted on.

    Args:
        known: Constants.
        kind: Of the request.
        n_items: Items.

    Returns:
        Microseconds.
    """
    growth: float = max(1.0, n_items / known.at_items) ** known.exponent
    return known.cpu_us[kind] + known.search_us * (growth - 1)


def cores(known: Constants, asked: Asked) -> float:
    """Returns how many cores the requests keep as busy as planned, all pods together.

    Args:
        known: Constants.
        asked: What is to be done.

    Returns:
        Cores.
    """
    rates = asked.rates or {}
    return sum(rate * cpu_us(known, kind, asked.n_items) for kind, rate in rates.items()) / 1e6 / asked.busy


def pods(known: Constants, asked: Asked) -> int:
    """Returns how many processes answer as much; one process has one event loop and one encoder at a time.

    Args:
        known: Constants.
        asked: What is to be done.

    Returns:
        At least 1.
    """
    share = 0.0
    for kind, rate in (asked.rates or {}).items():
        longer = cpu_us(known, kind, asked.n_items) / known.cpu_us[kind]
        share += rate * longer / known.most_a_second[kind]
    return max(1, math.ceil(share / asked.busy))


def start_s(known: Constants, n_items: int, *, has_snapshot: bool, is_first: bool = False) -> float:
    """Returns the time from exec to ready.

    Args:
        known: Constants.
        n_items: Items.
        has_snapshot: Whether the index was written to disk, as it is at every stop.
        is_first: Whether nothing was compiled before, as in a new pod with a folder of its own.

    Returns:
        Seconds.
    """
    compiling = known.compiling_s if is_first else 0.0
    return known.start_s + compiling + n_items / 1e6 * (known.snapshot_s if has_snapshot else known.catalogue_s)
