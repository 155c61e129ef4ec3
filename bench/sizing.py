"""Computes what a service of so many items and requests needs, from what was measured, and writes the tables of docs/sizing.md.

    python -m bench.sizing [--out DIR] [--write docs/sizing.md] [--busy 0.6] [--picture-bytes 100000]
                           [--mix cached-text=80,new-text=15,new-image=5]

Results that are not in the folder yet are measured first, some minutes each: ``bench.footprint`` (memory, disk, starts),
``bench.first_start`` (compiling), ``bench.serve`` (processor time of requests), ``bench.search`` (how a search grows),
``bench.startup`` (starts with ten million items). The arithmetic is :mod:`bench.sizing_rules`.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.__main__ import run_script
from bench.footprint import ASKED, N_BITS
from bench.methods_table import put_between_marks
from bench.performance_page import Found, read_results
from bench.result import OUT
from bench.sizing_page import page
from bench.sizing_rules import Constants
from model.errors import ConfigError

NEEDED = ("footprint", "first_start", "serve", "search", "startup")
_TOGETHER, _MARKS = 8, "sizing"


def constants(found: Sequence[Found]) -> Constants:
    """Reads the constants out of results.

    Args:
        found: Of the scripts :data:`NEEDED`.

    Returns:
        The constants.

    Raises:
        ConfigError: If a figure is not there, as after a run of another size.
    """
    results = {each["name"]: each["rows"] for each in found}
    empty, filled = _rows(results["footprint"], "The service", 2)
    codes = _rows(results["footprint"], "Index, bytes a code", 2)
    index = {n_bits: max(row["auto"] for row in codes if row["n_bits"] == n_bits) for n_bits in N_BITS}
    snapshots = {row["n_bits"]: row["bytes"] for row in _rows(results["footprint"], "Snapshot, bytes a code", 1)}
    caches = {row["entry"]: row["bytes"] for row in _rows(results["footprint"], "Caches, bytes an entry", 2)}
    stored = _rows(results["footprint"], "On disk, bytes an item", 2)[-1]
    requests = {kind: _rows(results["serve"], kind.capitalize(), 1) for kind in ASKED}
    n_items = next(each["settings"]["n_items"] for each in found if each["name"] == "serve")
    one, ten = (_searched(results["search"], n) for n in (n_items, 10 * n_items))
    starts = started(found)
    many = starts[-1]
    cold, warm = _rows(results["first_start"], "Start without a snapshot", 2)
    return Constants(
        process_mib=filled["after_load_MiB"] - filled["index_MiB"],
        compiling_mib=cold["ready_MiB"]["value"] - warm["ready_MiB"]["value"],
        index_bytes=index,
        cached_code_bytes=caches["code cache"],
        kept_item_bytes=caches["kept items"],
        catalogue_bytes=stored["catalogue"],
        snapshot_bytes=snapshots,
        picture_bytes_beyond=stored["pictures_beyond_their_bytes"],
        cpu_us={kind: _ours(rows, _TOGETHER)["CPU_µs_a_request"]["value"] for kind, rows in requests.items()},
        most_a_second={kind: max(row["requests_a_second"]["value"] for row in _ours_all(rows)) for kind, rows in requests.items()},
        at_items=n_items,
        search_us=one,
        exponent=math.log10(ten / one),
        start_s=starts[0]["seconds"]["value"],
        snapshot_s=2 * (many["seconds"]["value"] - starts[0]["seconds"]["value"]) / many["items"] * 1e6,  # those have one code each
        catalogue_s=(filled["of_the_processor"] - empty["of_the_processor"]) / filled["items"] * 1e6,
        compiling_s=cold["of_the_processor"]["value"] - warm["of_the_processor"]["value"],
    )


def started(found: Sequence[Found]) -> list[dict[str, Any]]:
    """Returns the starts of ``bench.startup`` whose memory was measured, fewest items first; each item has one code.

    Args:
        found: Results, that script's among them.

    Returns:
        Rows with ``items``, ``seconds`` and ``memory_MiB``.

    Raises:
        ConfigError: If they are not there.
    """
    rows = next(each["rows"] for each in found if each["name"] == "startup")
    measured = [row for row in _rows(rows, "From exec to ready", 3) if "memory_MiB" in row]
    return sorted(measured, key=lambda row: int(row["items"]))


def _rows(rows: Iterable[Mapping[str, Any]], table: str, at_least: int) -> list[dict[str, Any]]:
    """Returns a table's rows; names that Python has normalised are what they were."""
    named = [{name.replace("μ", "µ"): value for name, value in row.items()} for row in rows if row["table"] == table]
    if len(named) < at_least:
        raise ConfigError([f"the results lack {table!r}: remove the folder, or run the scripts with --size bench"])
    return named


def _ours_all(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["server"] == "bitlens"]


def _ours(rows: Iterable[Mapping[str, Any]], n_connections: int) -> Mapping[str, Any]:
    return next(row for row in _ours_all(rows) if row["connections"] == n_connections)


def _searched(rows: Iterable[Mapping[str, Any]], n_codes: int) -> float:
    """Returns microseconds of one search among clustered codes."""
    table = _rows(rows, f"{n_codes:,} clustered codes of 64 bits", 2)
    value: float = next(row for row in table if row["index"].startswith("bitlens auto"))["one_query_µs"]["value"]
    return value


def read_mix(text: str) -> dict[str, float]:
    """Reads shares of kinds of requests.

    Args:
        text: As in ``cached-text=80,new-text=20``.

    Returns:
        Shares by kind.

    Raises:
        ValueError: If a kind is unknown, a share no positive number.
    """
    named = {kind.replace(" ", "-"): kind for kind in ASKED}
    pairs = [part.partition("=") for part in text.split(",")]
    mix: dict[str, float] = {named[name]: float(share) for name, _, share in pairs if name in named}
    if len(mix) < len(pairs) or min(mix.values()) <= 0:
        raise ValueError(f"{text!r}: kinds are {', '.join(named)}")
    return mix


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what lacks, computes, writes.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"folder of results (default {OUT})")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables between the marks of this document")
    parser.add_argument("--busy", type=float, default=0.6, help="share of a core that is planned to be used (default 0.6)")
    parser.add_argument("--picture-bytes", type=float, default=100_000, help="of a picture, in the example (default 100000)")
    parser.add_argument("--mix", type=read_mix, default="cached-text=80,new-text=15,new-image=5", help="of the example")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    lacking = [name for name in NEEDED if not (given.out / f"{name}.json").is_file()]
    if failed := [why for name in lacking if (why := run_script(name, "bench", given.out))]:
        print("\n".join(failed), file=sys.stderr)
        return 1
    found = read_results(given.out, NEEDED)
    tables = page(constants(found), started(found), given.mix, picture_bytes=given.picture_bytes, busy=given.busy)
    if given.write:
        given.write.write_text(put_between_marks(given.write, _MARKS, tables), encoding="utf-8")
    print(tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
