"""What every script of the bench hands in, and its command line.

Decides the form of a result on disk, versioned by :data:`SCHEMA`. Does not know the targets or the page. A script is this::

    def run(given: argparse.Namespace) -> Result:
        require_threads(1)
        turns = take_turns({"ours": ..., "peer": ...}, rounds=9)
        result = Result("evaluate", "Evaluation", {"n_query": 2000})
        result.add("mAP@all", way="histograms", ms=turns.of("ours").times(1e3))        # a row of a table
        result.reach("map_at_all", turns.ratio("peer", "ours"))                        # a line of bench/targets.py
        result.beat("mAP of 2,000 queries", "sort loop", turns.ratio("peer", "ours"))  # above 1: we are faster
        result.limits["sgemm, GFLOP/s"] = sgemm_rate()
        return result

    if __name__ == "__main__":
        sys.exit(measure(__doc__, run))

``python -m bench.evaluate [--size check|bench|large] [--out DIR]`` prints Markdown and writes ``DIR/evaluate.json``.
A new script is entered in ``SCRIPTS`` of :mod:`bench.__main__`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from bench.machine import load, machine, versions
from bench.tables import section
from bench.timing import Spread

SCHEMA = 1
"""Version of the JSON; raised when an older page could not be made from a newer file."""
SIZES = ("check", "bench", "large")
"""Seconds for ratios alone, minutes for the page, and what takes longer than a page may."""
OUT = Path("runs/bench")


@dataclass(frozen=True, slots=True)
class Duel:
    """What was measured against something else in the same run.

    Attributes:
        work: What both did.
        against: A peer, or one of the machine's limits.
        ratio: The other's time by ours; above 1 if ours is faster. Against a limit the share of it that is reached.
        kind: Which of both.
    """

    work: str
    against: str
    ratio: Spread
    kind: Literal["peer", "limit"] = "peer"


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of numbers.

    Attributes:
        title: What it shows.
        x: Name of the horizontal axis.
        y: Name of the vertical axis.
        series: Points (x, y) by name.
        log: Which axes are logarithmic: ``""``, ``"x"``, ``"y"`` or ``"xy"``.
    """

    title: str
    x: str
    y: str
    series: Mapping[str, Sequence[tuple[float, float]]]
    log: str = ""


@dataclass(slots=True)
class Result:
    """What a script found.

    Attributes:
        name: Of the script.
        title: Of its section.
        settings: Sizes and the like.
        libraries: Distributions whose versions matter besides the usual ones.
        rows: Tables row by row; the key ``table`` names the table, the others are its columns.
        targets: What was reached, by the key of a target.
        duels: Against peers and limits.
        limits: The machine's own, measured in the same run, by name with unit.
        plots: To be drawn.
        notes: Sentences that stand below the tables.
    """

    name: str
    title: str
    settings: Mapping[str, Any]
    libraries: Sequence[str] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    targets: dict[str, Spread] = field(default_factory=dict)
    duels: list[Duel] = field(default_factory=list)
    limits: dict[str, Spread] = field(default_factory=dict)
    plots: list[Plot] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, table: str, /, **columns: Any) -> None:
        """Adds a row.

        Args:
            table: Title of its table.
            **columns: Texts, numbers or spreads; an underscore in a name is shown as a space.
        """
        self.rows.append({"table": table, **columns})

    def reach(self, key: str, measured: Spread) -> None:
        """Says what was reached of a target.

        Args:
            key: Of the target, see :mod:`bench.targets`.
            measured: In the target's unit.
        """
        self.targets[key] = measured

    def beat(self, work: str, peer: str, ratio: Spread) -> None:
        """Sets ours against a peer.

        Args:
            work: What both did.
            peer: Its name.
            ratio: Its time by ours.
        """
        self.duels.append(Duel(work, peer, ratio))

    def near(self, work: str, limit: str, share: Spread) -> None:
        """Sets ours against a limit of the machine.

        Args:
            work: What was done.
            limit: What bounds it.
            share: How much of the limit is reached, 1 for all of it.
        """
        self.duels.append(Duel(work, limit, share, "limit"))


def to_json(result: Result, size: str, seconds: float) -> dict[str, Any]:
    """Returns the form on disk.

    Args:
        result: What was found.
        size: One of :data:`SIZES`.
        seconds: How long the script ran.

    Returns:
        ``schema``, ``size``, ``seconds``, ``load``, ``machine``, ``versions`` and the fields of :class:`Result`.
    """
    facts = {"schema": SCHEMA, "size": size, "seconds": round(seconds, 1), "load": load(), "machine": machine()}
    return {**facts, "versions": versions(*result.libraries), **dataclasses.asdict(result)}


def measure(
    doc: str | None,
    run: Callable[[argparse.Namespace], Result],
    parser: argparse.ArgumentParser | None = None,
    *,
    arguments: Sequence[str] | None = None,
) -> int:
    """Does a script's work: arguments, JSON, Markdown.

    Args:
        doc: Docstring of the script.
        run: Measures; is given the arguments, ``size`` among them.
        parser: With arguments of the script's own.
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    parser = parser or argparse.ArgumentParser()
    parser.description, parser.formatter_class = doc, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--size", choices=SIZES, default="bench", help="how much is measured (default bench)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"folder of results (default {OUT})")
    given = parser.parse_args(arguments)
    started = perf_counter()
    found = to_json(run(given), given.size, perf_counter() - started)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / f"{found['name']}.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print("\n".join(section(found)))
    print(f"{path} written after {found['seconds']} s", file=sys.stderr)
    return 0
