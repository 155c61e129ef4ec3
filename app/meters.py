"""What is counted and timed, and who takes it.

Decides which events there are. Measures nothing itself: the wiring hands :class:`Meters` to the boundaries (``app.measured``,
``app.middleware``). Does not know where the figures go (``app.metrics``).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from app.cache.base import Modality
from app.figures import Figures

Outcome = Literal["found", "missing", "unavailable"]
Stage = Literal["decode", "prepare", "forward", "cache", "search", "catalogue_read", "catalogue_write"]


class Meters(Protocol):
    """Takes what the boundaries measure; safe in any thread."""

    def request(self, headers: Sequence[tuple[bytes, bytes]]) -> AbstractContextManager[None]:
        """Surrounds one request, :meth:`answered` included.

        Args:
            headers: The request's, as ASGI has them: names in lower case.

        Returns:
            A context manager around it.
        """
        ...

    def stage(self, name: Stage) -> AbstractContextManager[None]:
        """Times a block of work; time spent in a stage inside it counts for that one only.

        Args:
            name: Which kind of work.

        Returns:
            A context manager around the work.
        """
        ...

    def answered(self, route: str, method: str, status: int, latency_s: float) -> None:
        """Counts one request.

        Args:
            route: The route's template, never an address.
            method: HTTP method.
            status: HTTP status.
            latency_s: Seconds from its first to its last byte.
        """
        ...

    def looked_up(self, outcome: Outcome, n_keys: int) -> None:
        """Counts keys that the code cache was asked for.

        Args:
            outcome: What it answered; "unavailable" during an outage.
            n_keys: How many.
        """
        ...

    def lookups(self) -> dict[Outcome, int]:
        """Returns the keys counted by :meth:`looked_up`, by outcome."""
        ...

    def batched(self, modality: Modality, n_inputs: int) -> None:
        """Counts one forward pass.

        Args:
            modality: Of its inputs.
            n_inputs: How many they are.
        """
        ...

    def coalesced(self, n_keys: int) -> None:
        """Counts inputs that were not encoded, as the same one was under way already.

        Args:
            n_keys: How many.
        """
        ...

    def nearest(self, target: Modality, distance: int) -> None:
        """Counts the distance of a search's first hit.

        Args:
            target: What it was compared by.
            distance: Differing bits.
        """
        ...

    def render(self, figures: Figures) -> bytes:
        """Writes everything in Prometheus' text format.

        Args:
            figures: What is a state, seen just now.

        Returns:
            UTF-8 text.
        """
        ...

    def close(self) -> None:
        """Gives back what was opened for measuring."""
        ...
