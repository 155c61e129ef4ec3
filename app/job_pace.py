"""How many items a batch of a bulk job has.

Decides that batches grow as long as they are quick, since each costs a commit however small it is, and shrink again when they are
not, so that a job is soon cancelled and a restart repeats little. Does not know what is in them.
"""

from __future__ import annotations

FEWEST, MOST = 32, 512
"""Items."""
_QUICK_S, _SLOW_S = 0.25, 1.0


class Pace:
    """The size of a job's next batch."""

    def __init__(self) -> None:
        self.n_items = FEWEST

    def took(self, seconds: float) -> None:
        """Notes how long the last batch took.

        Args:
            seconds: From reading it to its commit.
        """
        if seconds < _QUICK_S:
            self.n_items = min(2 * self.n_items, MOST)
        elif seconds > _SLOW_S:
            self.n_items = max(self.n_items // 2, FEWEST)
