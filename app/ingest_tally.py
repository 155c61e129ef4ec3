"""What has become of the items of an ingest, and who is told.

Decides how it is summed up for people and for machines. Does not know how items are sent.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

_N_KEPT, _N_SHOWN = 20, 5


@dataclass(frozen=True, slots=True)
class Failure:
    """What did not become an item.

    Attributes:
        id: The id it would have had, or None.
        place: Where it stands.
        type: The problem's type where the service refused it, else ``source``.
        reason: What is wrong, the same for all alike.
        detail: What is wrong with this one.
    """

    id: str | None
    place: str
    type: str
    reason: str
    detail: str


@dataclass(slots=True)
class Tally:
    """What has become of all that was read.

    Attributes:
        n_present: The service held the very same.
        n_added: Sent, and were not there.
        n_replaced: Sent, and another one of that id was there.
        n_failed: Could not be read, or were refused.
        reasons: How many failed why.
        failures: The first few that failed.
        left_out: Files of other kinds, by suffix.
        is_interrupted: Whether it was stopped before the end.
    """

    n_present: int = 0
    n_added: int = 0
    n_replaced: int = 0
    n_failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    is_interrupted: bool = False

    @property
    def n_done(self) -> int:
        """How many are settled."""
        return self.n_present + self.n_added + self.n_replaced + self.n_failed

    def fail(self, failure: Failure) -> None:
        """Counts a failure."""
        self.n_failed += 1
        self.reasons[failure.reason] += 1
        if len(self.failures) < _N_KEPT:
            self.failures.append(failure)

    def as_json(self, seconds: float) -> dict[str, Any]:
        """Returns it for machines.

        Args:
            seconds: How long it took.

        Returns:
            A JSON object.
        """
        counters = {"reasons": dict(self.reasons), "left_out": dict(self.left_out)}
        plain = {**{name: getattr(self, name) for name in self.__slots__}, **counters, "failures": list(map(asdict, self.failures))}
        return {"n_done": self.n_done, **plain, "seconds": round(seconds, 3), "items_per_s": self._rate(seconds)}

    def as_text(self, seconds: float) -> str:
        """Returns it for people.

        Args:
            seconds: How long it took.

        Returns:
            Lines.
        """
        counts = f"{self.n_added:,} added, {self.n_replaced:,} replaced, {self.n_present:,} held already, {self.n_failed:,} failed"
        lines = [f"{self.n_done:,} items: {counts}; {seconds:.1f} s, {self._rate(seconds):,.0f} items/s"]
        if self.left_out:
            lines.append("left out: " + ", ".join(f"{n} × {suffix}" for suffix, n in self.left_out.most_common()))
        for reason, n in sorted(self.reasons.items(), key=lambda one: (-one[1], one[0].casefold())):
            lines.append(f"failed: {n:,} × {reason}")
            alike = [failure for failure in self.failures if failure.reason == reason][:_N_SHOWN]
            lines += [f"  {one.place or one.id}" + (f": {one.detail}" if one.detail != reason else "") for one in alike]
        if self.is_interrupted:
            lines.append("stopped before the end: the same command goes on from here")
        return "\n".join(lines) + "\n"

    def _rate(self, seconds: float) -> float:
        return round(self.n_done / seconds, 1) if seconds else 0.0


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told, and who may stop it.

    Attributes:
        stop: Set when no more is to be begun.
        on_change: Told after each change.
        on_failure: Told of each failure.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    on_change: Callable[[Tally], None] = lambda tally: None
    on_failure: Callable[[Failure], None] = lambda failure: None
