"""What is to be reached, by path: the least, the aim, and below what a check fails.

Decides the numbers; a script reports what it measured under a target's key. Does not know how anything is measured. Ratios are of
medians of one run; ``× peer`` is the peer's time by ours. A check's bound is far below the least, so that a busy machine does not
fail it and a regression does; targets that are no ratio have none, as other machines have other numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["aim reached", "met", "short of the aim", "**missed**", "not measured"]


@dataclass(frozen=True, slots=True)
class Target:
    """One line.

    Attributes:
        key: Under which scripts report.
        path: What is done.
        unit: Of the numbers.
        least: What must be reached; None if there is but an aim.
        aim: What is hoped for, or None.
        check: What a quick check must reach, or None if it is not checked.
        smaller_is_better: Whether numbers are costs.
    """

    key: str
    path: str
    unit: str
    least: float | None
    aim: float | None = None
    check: float | None = None
    smaller_is_better: bool = False

    def verdict(self, value: float | None) -> Verdict:
        """Judges a measured number.

        Args:
            value: In the target's unit; None if nothing measured it.

        Returns:
            A word for the table.
        """
        if value is None:
            return "not measured"
        if self.aim is not None and self.reaches(value, self.aim):
            return "aim reached"
        if self.least is None:
            return "short of the aim"
        return "met" if self.reaches(value, self.least) else "**missed**"

    def reaches(self, value: float, wanted: float) -> bool:
        """Returns whether a number is as good as another.

        Args:
            value: Measured.
            wanted: At least that, or at most, if numbers are costs.

        Returns:
            Whether it is.
        """
        return value <= wanted if self.smaller_is_better else value >= wanted


def _ratio(key: str, path: str, unit: str, least: float | None, aim: float | None = None, *, check: float | None = None) -> Target:
    return Target(key, path, unit, least, aim, check)


def _cost(key: str, path: str, unit: str, least: float | None, aim: float | None = None, *, check: float | None = None) -> Target:
    return Target(key, path, unit, least, aim, check, smaller_is_better=True)


TARGETS = (
    _ratio("search_one", "one exact query, 64 bits, 1–10 M codes", "× faiss flat", 1.5, 2, check=0.8),
    _ratio("search_one_again", "the same, each index asked for 10 ms on end", "× faiss flat", 1.5, 2),
    _ratio("search_one_of_limit", "one exact query, share of the rate of reading memory", "of the limit", None, 0.75),
    _ratio("search_batch_64", "exact batch of 16 and more, 64 bits, 1 M", "× faiss flat", 2, 6, check=1.3),
    _ratio("search_batch_128", "exact batch of 16 and more, 128 bits, 1 M", "× faiss flat", 1.5, 4, check=0.9),
    _ratio("search_clustered_1m", "exact, clustered and learned 64-bit codes, 1 M", "× faiss flat", 20, 40),
    _ratio("search_clustered_10m", "exact, clustered 64-bit codes, 10 M", "× faiss flat", 150, 400),
    _ratio("search_clustered_1m_again", "the same 1 M, each index asked for 10 ms on end", "× faiss flat", 20, 40),
    _ratio("search_clustered_10m_again", "the same 10 M, each index asked for 10 ms on end", "× faiss flat", 150, 400),
    _cost("search_exponent", "how its time grows with the number of codes", "exponent", None, 0.3),
    _cost("worst_random", "worst case: random 128-bit codes", "× our flat scan's time", 1.15, check=1.5),
    _cost("worst_few", "worst case: few different codes", "× our flat scan's time", 1.15, check=1.5),
    _cost("change_one", "add or remove one among 10 M", "µs", 50, 20),
    _cost("change_pause", "longest wait of a search meanwhile", "ms", 20, 5),
    _cost("open_10m", "open 10 M codes of 64 bits", "s", 0.5, 0.05),
    _cost("ready_10m", "from exec to ready with 10 M codes", "s", 10),
    _cost("memory_flat", "memory an item, 64 bits, flat", "bytes", 32, 24),
    _cost("memory_hashed", "memory an item, 64 bits, hashed", "bytes", 90, 70),
    _cost("cached_text_cpu", "cached text search, the server's CPU", "µs a request", 400, 120),
    _ratio("cached_text", "cached text search", "× a plain FastAPI + def + IndexIDMap2 service", 6, 15, check=1.2),
    _cost("cached_text_p50", "cached text over HTTP, 1 M learned codes, 8 connections, median", "ms", 2),
    _cost("cached_text_p99", "the same, 99th percentile", "ms", 25),
    _cost("new_text_p50", "new text over HTTP, median", "ms", 25),
    _cost("new_image_p50", "new JPEG of 1024 × 768 over HTTP, median", "ms", 40),
    _ratio("upload", "uploaded JPEG of 1024 × 768 to pixels", "× multipart + Pillow", 2, 3.5, check=1.3),
    _ratio("encode_image", "encoding a picture", "× torch, eager", 3, 5, check=1.5),
    _ratio("encode_text", "encoding a text", "× torch, eager", 1.5, 3, check=1.1),
    _cost("int8_map", "what int8 costs", "points of mAP", 0.3),
    _ratio("train_wide", "training, heads of width 8192", "× the plain loop", 1.7, check=1.1),
    _ratio("map_at_all", "mAP@all, 2,000 queries × 18,000 items", "× a sort a query", 40, 70, check=6),
)
"""Every target, in the order of the table."""
BY_KEY: Mapping[str, Target] = {target.key: target for target in TARGETS}


def regressions(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Compares quick measurements with their bounds.

    Args:
        found: Spreads as read from JSON, by target.

    Returns:
        One line for each that is not reached; what is not measured or has no bound is passed over.
    """
    lines = []
    for target in TARGETS:
        value = found.get(target.key, {}).get("value")
        if value is not None and target.check is not None and not target.reaches(value, target.check):
            limit = "at most" if target.smaller_is_better else "at least"
            lines.append(f"{target.path}: {value:.3g} {target.unit}, must be {limit} {target.check:g} ({target.key})")
    return lines
