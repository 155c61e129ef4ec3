"""Tables of what a service needs, from constants.

Decides which numbers of items and requests are shown. Does not know where the constants come from (:mod:`bench.sizing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.footprint import N_BITS
from bench.sizing_rules import MIB, Asked, Constants, cores, cpu_us, disk_gib, memory_mib, pods, start_s
from bench.tables import cell, grid

ITEMS = (1_000_000, 10_000_000, 100_000_000)
RATES = (10, 100, 1_000)
EXAMPLES = ((1_000_000, 10), (10_000_000, 100), (100_000_000, 500))
"""Items, and requests a second, of the example at the end."""


def page(
    known: Constants, starts: Sequence[Mapping[str, Any]], mix: Mapping[str, float], *, picture_bytes: float, busy: float
) -> str:
    """Writes the tables.

    Args:
        known: Constants.
        starts: Of :func:`bench.sizing.started`, to hold the computed memory against.
        mix: Shares of the kinds of requests, of the example.
        picture_bytes: Of a picture, of the example.
        busy: Share of a core that is planned to be used.

    Returns:
        Markdown.
    """
    tables = [*_constants(known), *_held(known), *_against(known, starts), *_asked(known, busy)]
    return "\n".join([*tables, *_example(known, mix, picture_bytes, busy)]).rstrip()


def _constants(known: Constants) -> list[str]:
    scripts = ("footprint", "serve", "search", "startup", "first_start")
    holds, asks, finds, starts, first = (f"`python -m bench.{name}`" for name in scripts)
    at = f"{known.at_items:,} items, 8 connections"
    rows = [["process after load, without its index", "MiB", cell(known.process_mib), holds]]
    rows += [["the same, more where the searches were compiled at its start", "MiB", cell(known.compiling_mib), first]]
    rows += [[f"a code of {n} bits in memory", "bytes", cell(value), holds] for n, value in known.index_bytes.items()]
    rows += [
        ["an entry of the code cache", "bytes", cell(known.cached_code_bytes), holds],
        ["an item kept in front of the catalogue", "bytes", cell(known.kept_item_bytes), holds],
        ["an item in the catalogue, two codes of 64 bits", "bytes", cell(known.catalogue_bytes), holds],
        *([f"a code of {n} bits in the snapshot", "bytes", cell(value), holds] for n, value in known.snapshot_bytes.items()),
        ["a picture on disk beyond its bytes", "bytes", cell(known.picture_bytes_beyond), holds],
        *([f"{kind}, processor time, {at}", "µs", cell(value), asks] for kind, value in known.cpu_us.items()),
        *([f"{kind}, most of one process", "a second", cell(value), asks] for kind, value in known.most_a_second.items()),
        [f"one search among {known.at_items:,} codes", "µs", cell(known.search_us), finds],
        ["growth of that with the number of codes", "exponent", cell(known.exponent), finds],
        ["from exec to ready, empty", "s", cell(known.start_s), starts],
        ["the same, more for a million items with a snapshot", "s", cell(known.snapshot_s), starts],
        ["the same, more for a million items without one", "s", cell(known.catalogue_s), holds],
        ["the same, more where nothing was compiled before", "s", cell(known.compiling_s), first],
    ]
    return ["## Measured", "", *grid(["what", "unit", "", "by"], rows), ""]


def _held(known: Constants) -> list[str]:
    rows = []
    for n_items in ITEMS:
        for n_bits in N_BITS:
            asked = Asked(n_items, n_bits)
            times = [start_s(known, n_items, has_snapshot=has) for has in (True, False)]
            times.append(start_s(known, n_items, has_snapshot=False, is_first=True))
            numbers = [memory_mib(known, asked) / 1024, disk_gib(known, asked), *times]
            rows.append([f"{n_items:,}", str(n_bits), *map(cell, numbers)])
    head = ["items", "bits", "memory, GiB", "disk without pictures, GiB", "start with snapshot, s", "without, s", "in a new pod, s"]
    return ["## By items", "", *grid(head, rows), ""]


def _against(known: Constants, starts: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for start in starts[1:]:
        computed = known.process_mib + start["items"] * known.index_bytes[64] / MIB
        rows.append([f"{start['items']:,}", cell(start["memory_MiB"]["value"]), cell(computed)])
    told = (
        "A service that has just become ready, its items of one code of 64 bits: `python -m bench.startup`, and what is computed."
    )
    return ["## Held against another measurement", "", told, "", *grid(["items", "measured, MiB", "computed, MiB"], rows), ""]


def _asked(known: Constants, busy: float) -> list[str]:
    rows = []
    for kind in known.cpu_us:
        for n_items in ITEMS:
            each = [Asked(n_items, rates={kind: rate}, busy=busy) for rate in RATES]
            told = [f"{cell(cores(known, asked))} / {pods(known, asked)}" for asked in each]
            rows.append([kind, f"{n_items:,}", cell(cpu_us(known, kind, n_items) / 1e3), *told])
    head = ["request", "items", "processor time, ms", *(f"{rate:,} a second: cores / processes" for rate in RATES)]
    return ["## By requests", "", f"Cores at {busy:.0%} busy.", "", *grid(head, rows), ""]


def _example(known: Constants, mix: Mapping[str, float], picture_bytes: float, busy: float) -> list[str]:
    rows, whole = [], sum(mix.values())
    for n_items, rate in EXAMPLES:
        rates = {kind: rate * share / whole for kind, share in mix.items()}
        asked = Asked(n_items, rates=rates, picture_bytes=picture_bytes, busy=busy)
        n_pods = pods(known, asked)
        each = [cell(cores(known, asked)), f"{n_pods}", cell(memory_mib(known, asked) / 1024), cell(disk_gib(known, asked))]
        rows.append([f"{n_items:,}", f"{rate:,}", *each])
    shares = ", ".join(f"{share / whole:.0%} {kind}" for kind, share in mix.items())
    told = f"Codes of 64 bits, pictures of {picture_bytes / 1000:,.0f} kB; requests: {shares}; cores at {busy:.0%} busy."
    head = ["items", "requests a second", "cores", "processes", "memory of each, GiB", "disk of each, GiB"]
    return ["## Example", "", told, "", *grid(head, rows), ""]
