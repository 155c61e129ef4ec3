"""Makes the page on speed from the results of all scripts.

Decides what stands where. Does not measure anything, and says nothing that is not in the results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.plots import draw
from bench.result import SCHEMA
from bench.tables import cell, grid, section
from bench.targets import TARGETS
from model.errors import ConfigError

Found = Mapping[str, Any]
IMAGES = Path("images/performance")
"""Where plots lie, beside the page."""


def read_results(folder: Path, names: Sequence[str]) -> list[Found]:
    """Reads what scripts wrote.

    Args:
        folder: Of the results.
        names: Of the scripts, in the order of the page; absent ones are passed over.

    Returns:
        Results as :func:`bench.result.to_json` made them.

    Raises:
        ConfigError: If a file is of another schema.
    """
    paths = [path for name in names if (path := folder / f"{name}.json").is_file()]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    if strange := [str(path) for path, each in zip(paths, found, strict=True) if each.get("schema") != SCHEMA]:
        raise ConfigError([f"{path} is not of schema {SCHEMA}: run its script again" for path in strange])
    return found


def all_of(found: Sequence[Found], name: str) -> dict[str, Any]:
    """Joins a mapping of all results.

    Args:
        found: Results.
        name: ``targets`` or ``versions``.

    Returns:
        The mapping.
    """
    return {key: value for each in found for key, value in each[name].items()}


def page(found: Sequence[Found], folder: Path) -> str:
    """Writes the page and draws its plots.

    Args:
        found: Results, at least one.
        folder: In which the page lies.

    Returns:
        Markdown.
    """
    lines = [*_hardware(found), *_targets(found), *_against(found, "peer"), *_lost(found), *_against(found, "limit")]
    for each in found:
        lines += section(each)
        for i, plot in enumerate(each["plots"]):
            path = IMAGES / f"{each['name']}-{i + 1}.svg"
            draw(plot, folder / path)
            lines += [f"![{plot['title']}]({path.as_posix()})", ""]
    return "\n".join(lines).rstrip()


def _hardware(found: Sequence[Found]) -> list[str]:
    machines = {json.dumps(each["machine"], sort_keys=True): each["machine"] for each in found}
    lines = ["## Machine and versions", ""]
    for each in machines.values():
        flags = ", ".join(each["flags"]) or "none of those that matter"
        lines += [f"{each['cpu']}, {each['cores']} cores ({flags}), {each['ram_gib']} GiB of memory, {each['system']}.", ""]
    minutes = sum(each["seconds"] for each in found) / 60
    lines += [", ".join(f"{name} {version}" for name, version in all_of(found, "versions").items()) + ".", ""]
    loads, sizes = [each["load"] for each in found], " and ".join(sorted({each["size"] for each in found}))
    told = f"Measured in {minutes:.1f} minutes, at size {sizes}, at a load of {min(loads)} to {max(loads)}."
    return [*lines, told, ""]


def _targets(found: Sequence[Found]) -> list[str]:
    measured = all_of(found, "targets")
    rows = []
    for target in TARGETS:
        value = measured.get(target.key)
        sign = "≤ " if target.smaller_is_better else "≥ "
        wanted = ["" if number is None else sign + cell(number) for number in (target.least, target.aim)]
        verdict = target.verdict(value["value"] if value else None)
        rows.append([target.path, target.unit, *wanted, cell(value) if value else "", verdict])
    return ["## Targets", "", *grid(["path", "unit", "least", "aim", "measured", ""], rows), ""]


def _against(found: Sequence[Found], kind: str) -> list[str]:
    duels = [duel for each in found for duel in each["duels"] if duel["kind"] == kind]
    if not duels:
        return []
    title, last = ("Ratio to each peer", "its time / ours") if kind == "peer" else ("Share of the machine's limits", "reached")
    rows = [[duel["work"], duel["against"], cell(duel["ratio"])] for duel in duels]
    return [f"## {title}", "", *grid(["work", "against", last], rows), ""]


def _lost(found: Sequence[Found]) -> list[str]:
    """Says where a peer is faster; an upper quartile below 1 is a loss, a median below 1 is a draw at best."""
    duels = [duel for each in found for duel in each["duels"] if duel["kind"] == "peer" and duel["ratio"]["value"] < 1]
    rows = [
        [d["work"], d["against"], cell(1 / d["ratio"]["value"]), "yes" if d["ratio"]["high"] < 1 else "within the noise"]
        for d in duels
    ]
    table = grid(["work", "peer", "times as fast as ours", "for certain"], rows) if rows else ["In none of these comparisons."]
    return ["## Where a peer wins", "", *table, ""]
