"""What a code length costs and gives: bits × quality × megabytes per million codes × milliseconds of a search.

Decides what is taken from finished runs, what is measured here, and how it is shown. The time is that of one exact scan of random
codes in numpy on one thread: what a length costs beside another one, on this machine. Does not know the service's index, which
is faster.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from model.bundle import EncoderBundle
from model.codes import UInt8
from model.errors import ConfigError
from training.bundle_codes import DataSource, encode_data
from training.evaluation import evaluate
from training.run_folder import RunFolder

_K = 10
_FIGURES = ("mean_map", "map_at_50", "precision_radius_2", "empty_radius_2")
_WORDS = ((8, np.uint64), (4, np.uint32), (2, np.uint16), (1, np.uint8))


@dataclass(frozen=True, slots=True)
class Offer:
    """One code length.

    Attributes:
        n_bits: Bits of a code.
        n_bundles: Bundles or runs that the figures are means of.
        mean_map: Mean average precision over the whole database, mean of both directions.
        map_at_50: The same of the first 50 hits.
        precision_radius_2: Precision within distance 2.
        empty_radius_2: Share of queries with nothing within distance 2.
        megabytes: Per million codes; an item with picture and text has two.
        milliseconds: Of one scan of a million codes; 0 before it was measured.
    """

    n_bits: int
    n_bundles: int
    mean_map: float
    map_at_50: float
    precision_radius_2: float
    empty_radius_2: float
    megabytes: float
    milliseconds: float = 0.0


def make_budget(places: Sequence[Path], source: DataSource, *, n_codes: int = 1_000_000, rounds: int = 15) -> list[Offer]:
    """Gathers figures by code length, and times searches.

    Args:
        places: Finished runs, whose reports are taken if they are on this data set, and bundles, which are evaluated on it.
        source: The data set.
        n_codes: Codes of a timed scan; times are told per million.
        rounds: Scans timed of each length, in turn.

    Returns:
        Offers by ascending length.

    Raises:
        ConfigError: If a run is not finished or was evaluated on other data.
    """
    found: dict[int, list[Mapping[str, float]]] = {}
    for place in places:
        figures = _figures(place, source)
        found.setdefault(int(figures["n_bits"]), []).append(figures)
    times = scan_times(sorted(found), n_codes=n_codes, rounds=rounds)
    return [replace(_offer(n_bits, found[n_bits]), milliseconds=times[n_bits] * 1e6 / n_codes) for n_bits in sorted(found)]


def _figures(place: Path, source: DataSource) -> Mapping[str, float]:
    if not (place / "config.toml").exists():
        encoded = encode_data(EncoderBundle.from_pretrained(place), source)
        return evaluate(encoded.codes["query"], encoded.joined("train", "gallery")).as_dict()
    report, name = RunFolder(place).report(), source.data.resolve().name
    if report is None:
        raise ConfigError([f"{place} holds no finished run"])
    if report["data"] != name:
        raise ConfigError([f"{place} was evaluated on {report['data']}, not on {name}; give its bundle, which is evaluated anew"])
    figures: Mapping[str, float] = report["evaluation"]
    return figures


def _offer(n_bits: int, found: Sequence[Mapping[str, float]]) -> Offer:
    def mean(name: str) -> float:
        sides = (name,) if name in found[0] else (f"i2t_{name}", f"t2i_{name}")
        return fmean(figures[side] for figures in found for side in sides)

    return Offer(n_bits, len(found), **{name: mean(name) for name in _FIGURES}, megabytes=n_bits / 8)


def scan_times(lengths: Sequence[int], *, n_codes: int, rounds: int) -> dict[int, float]:
    """Times one exact search of each length, in turn, so that whatever else the machine does falls on all.

    Args:
        lengths: In bits.
        n_codes: Random codes that are scanned.
        rounds: Searches of each.

    Returns:
        Median milliseconds by length.
    """
    rng = np.random.default_rng(0)
    codes = {n_bits: rng.integers(0, 256, (n_codes + 1, n_bits // 8), dtype=np.uint8) for n_bits in lengths}
    times: dict[int, list[float]] = {n_bits: [] for n_bits in lengths}
    for _ in range(rounds):
        for n_bits, packed in codes.items():
            started = time.perf_counter()
            nearest_rows(packed[:1], packed[1:], _K)
            times[n_bits].append((time.perf_counter() - started) * 1e3)
    return {n_bits: median(found) for n_bits, found in times.items()}


def nearest_rows(query: UInt8, codes: UInt8, k: int) -> list[int]:
    """Finds the nearest codes by a scan, in words as long as divide the code.

    Args:
        query: (1, n_bits / 8) uint8.
        codes: (N, n_bits / 8) uint8, C-contiguous.
        k: How many.

    Returns:
        Rows by distance, then by number.
    """
    word = next(kind for n_bytes, kind in _WORDS if codes.shape[1] % n_bytes == 0)
    differing = np.bitwise_count(codes.view(word) ^ np.ascontiguousarray(query).view(word))
    distances = differing[:, 0] if differing.shape[1] == 1 else differing.sum(axis=1, dtype=np.uint16)
    limit = np.partition(distances, min(k, len(distances)) - 1)[min(k, len(distances)) - 1]
    near = np.flatnonzero(distances <= limit)
    return near[np.argsort(distances[near], kind="stable")][:k].tolist()  # type: ignore[no-any-return]


def render_budget(offers: Sequence[Offer]) -> str:
    """Writes the table.

    Args:
        offers: By ascending length.

    Returns:
        Markdown, with a line break at its end.
    """
    head = "| bits | of | mAP | mAP@50 | precision within 2 | empty within 2 | MB per million codes | ms per million codes |"
    rows = [
        f"| {each.n_bits} | {each.n_bundles} | {each.mean_map:.4f} | {each.map_at_50:.4f} | {each.precision_radius_2:.4f} "
        f"| {each.empty_radius_2:.1%} | {each.megabytes:g} | {each.milliseconds:.2f} |"
        for each in offers
    ]
    return "\n".join([head, "|---" * 8 + "|", *rows]) + "\n"


def plot_budget(offers: Sequence[Offer]) -> str:
    """Draws quality over memory and over time.

    Args:
        offers: By ascending length.

    Returns:
        An SVG document; equal input gives equal text.
    """
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for place, (key, words) in enumerate((("megabytes", "MB per million codes"), ("milliseconds", "ms per million codes"))):
        costs = [getattr(each, key) for each in offers]
        for measure, label in (("mean_map", "mAP"), ("map_at_50", "mAP@50")):
            axes[place].plot(costs, [getattr(each, measure) for each in offers], marker="o", label=label)
        for cost, each in zip(costs, offers, strict=True):
            axes[place].annotate(
                f"{each.n_bits} bits", (cost, each.mean_map), textcoords="offset points", xytext=(4, -11), fontsize=8
            )
        axes[place].set_xlabel(words)
        axes[place].grid(visible=True, linewidth=0.3)
    axes[0].legend(frameon=False)
    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "budget", "svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def budget_facts(offers: Sequence[Offer]) -> list[dict[str, Any]]:
    """Returns the offers, JSON-able."""
    return [asdict(each) for each in offers]
