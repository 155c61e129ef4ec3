"""Which runs are repetitions of each other, and which may not stand in one table.

Decides that seeds alone are averaged over, that runs of other data stand apart, and what a row is called. Does not know figures.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import ConfigError
from training.comparison.runs import RunRecord, setting_text

_COLUMNS = frozenset({"method.name", "training.n_bits", "noise.rate", "training.selection"})
_SEEDS = frozenset({"training.seed", "noise.seed"})
_WITHOUT_EFFECT = frozenset({"training.threads", "features.batch_size", "bundle.origin"})  # on the figures
_STOPPING = frozenset({"training.patience"})  # belongs to how the epoch is chosen, which the label tells already
_REMARKS = {"rmsh": "reconstructed from the abstract"}
_SELECTIONS = {"validation": "", "query": "epoch chosen on query, the reference's protocol"}


@dataclass(frozen=True, slots=True)
class Row:
    """Runs of one method, with one set of settings, at one noise rate.

    Attributes:
        label: The method with what sets it apart.
        noise_rate: Share of noisy samples.
        selection: By which split the epoch was chosen.
        cells: Runs by n_bits, in order of their seeds, a run a seed.
    """

    label: str
    noise_rate: float
    selection: str
    cells: Mapping[int, tuple[RunRecord, ...]]

    @property
    def method(self) -> str:
        """Name of the hashing method."""
        return next((run.method for runs in self.cells.values() for run in runs), "?")


@dataclass(frozen=True, slots=True)
class Section:
    """Runs on the same data.

    Attributes:
        title: Name of the data.
        rows: Ordered by noise rate, then by method.
        unfinished: Runs without a report.
        repeated: Runs with the settings and seeds of another one; not counted.
        differing: Settings in which methods differ, by key: value by row label.
    """

    title: str
    rows: tuple[Row, ...]
    unfinished: tuple[RunRecord, ...]
    repeated: tuple[RunRecord, ...]
    differing: Mapping[str, Mapping[str, str]]

    @property
    def runs(self) -> list[RunRecord]:
        """Runs that are counted."""
        return [run for row in self.rows for cell in row.cells.values() for run in cell]

    @property
    def lengths(self) -> list[int]:
        """Code lengths, ascending."""
        return sorted({n_bits for row in self.rows for n_bits in row.cells})

    @property
    def noise_rates(self) -> list[float]:
        """Noise rates, ascending."""
        return sorted({row.noise_rate for row in self.rows})

    @property
    def labels(self) -> list[str]:
        """Labels of the methods, epochs chosen on validation first."""
        return [label for _, label in sorted({(row.selection != "validation", row.label) for row in self.rows})]

    def row(self, label: str, noise_rate: float) -> Row | None:
        """Returns a row, or None if there is none.

        Args:
            label: Of the method.
            noise_rate: Share of noisy samples.

        Returns:
            The row.
        """
        return next((row for row in self.rows if (row.label, row.noise_rate) == (label, noise_rate)), None)

    def cells(self, n_bits: int, noise_rate: float) -> list[tuple[int, tuple[RunRecord, ...]]]:
        """Returns what there is at a code length and a noise rate.

        Args:
            n_bits: Bits of a code.
            noise_rate: Share of noisy samples.

        Returns:
            Places in :attr:`labels`, and runs.
        """
        rows = [(index, self.row(label, noise_rate)) for index, label in enumerate(self.labels)]
        return [(index, row.cells[n_bits]) for index, row in rows if row and n_bits in row.cells]


def group_runs(runs: Iterable[RunRecord]) -> list[Section]:
    """Sorts runs into sections of the same data, and rows that differ in seeds alone.

    Args:
        runs: As loaded.

    Returns:
        Sections ordered by title; of data with the same name, the title carries a number.
    """
    by_data: dict[str, list[RunRecord]] = {}
    for run in runs:
        by_data.setdefault(_data_key(run.facts), []).append(run)
    named = sorted((str(members[0].facts.get("data", "?")), key) for key, members in by_data.items())
    n_same = Counter(name for name, _ in named)
    seen: Counter[str] = Counter()
    sections = []
    for name, key in named:
        seen[name] += 1
        sections.append(_section(f"{name} ({seen[name]})" if n_same[name] > 1 else name, by_data[key]))
    return sections


def baseline_label(sections: Sequence[Section], baseline: str) -> str:
    """Returns the label of the row that others are compared with.

    Args:
        sections: All of them.
        baseline: A row's label, or the start of exactly one label whose epochs were chosen on validation.

    Returns:
        The label.

    Raises:
        ConfigError: If no label, or more than one, fits.
    """
    labels = {row.label: row.selection for section in sections for row in section.rows}
    if baseline in labels:
        return baseline
    fitting = sorted(label for label, chosen in labels.items() if label.startswith(f"{baseline} (") and chosen == "validation")
    if len(fitting) != 1:
        kind = "more than one method fits" if fitting else "no such method"
        raise ConfigError([f"--baseline {baseline}: {kind}; there are: {'; '.join(fitting or sorted(labels)) or 'none'}"])
    return fitting[0]


def _data_key(facts: Mapping[str, Any]) -> str:
    """Digests decide where there are any: the same data may lie in folders of different names."""
    kept = {key: facts.get(key) for key in ("splits", "label_names")} if "splits" in facts else dict(facts)
    return json.dumps(kept, sort_keys=True)


def _section(title: str, runs: Sequence[RunRecord]) -> Section:
    finished = [run for run in runs if run.report is not None]
    labels = _labels(finished)
    cells: dict[tuple[str, float, str], dict[int, dict[Any, RunRecord]]] = {}
    repeated = []
    for run in finished:
        cell = cells.setdefault((labels[run.name], run.noise_rate, run.selection), {}).setdefault(run.n_bits, {})
        if run.seed in cell:
            repeated.append(run)
        else:
            cell[run.seed] = run
    rows = [
        Row(label, rate, selection, {n: tuple(cell[seed] for seed in sorted(cell)) for n, cell in sorted(by_length.items())})
        for (label, rate, selection), by_length in cells.items()
    ]
    rows.sort(key=lambda row: (row.noise_rate, row.selection != "validation", row.label))
    unfinished = tuple(run for run in runs if run.report is None)
    return Section(title, tuple(rows), unfinished, tuple(repeated), _differing(finished, labels))


def _labels(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Names each run's row: the method, the settings in which runs of it differ, how the epoch was chosen, remarks."""
    labels = {}
    for method in {run.method for run in runs}:
        same = [run for run in runs if run.method == method]
        alike = [_differing_keys([run for run in same if run.selection == chosen]) for chosen in {run.selection for run in same}]
        keys = [key for key in _differing_keys(same) if key not in _STOPPING or any(key in each for each in alike)]
        for run in same:
            variant = ", ".join(f"{short}={setting_text(run.config.get(key))}" for key, short in _short_names(keys).items())
            chosen = _SELECTIONS.get(run.selection, f"epoch chosen on {run.selection}")
            added = "; ".join(part for part in (variant, chosen, _REMARKS.get(method, "")) if part)
            labels[run.name] = f"{method} ({added})" if added else method
    return labels


def _differing_keys(runs: Sequence[RunRecord]) -> list[str]:
    keys = sorted({key for run in runs for key in run.config} - _COLUMNS - _SEEDS - _WITHOUT_EFFECT)
    return [key for key in keys if len({json.dumps(run.config.get(key), default=list) for run in runs}) > 1]


def _short_names(keys: Sequence[str]) -> dict[str, str]:
    """Returns each key's last word, or all of it where that is not enough."""
    count = Counter(key.rpartition(".")[2] for key in keys)
    return {key: last if count[last := key.rpartition(".")[2]] == 1 else key for key in keys}


def _differing(runs: Sequence[RunRecord], labels: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {
        key: {labels[run.name]: setting_text(run.config.get(key)) for run in sorted(runs, key=lambda run: labels[run.name])}
        for key in _differing_keys(runs)
    }
