"""The rows that filters let through, remembered while the catalogue stays as it is.

Decides how many answers are kept: pages of one search, and the searches of a tenant, ask the same again. Does not know what is
searched.
"""

from __future__ import annotations

import threading

import numpy as np

from app.catalog.base import Catalog
from app.filters import Expression
from model.codes import Int64

_KEPT = 8  # answers; each holds 8 bytes a row


class AllowedRows:
    """Asks a catalogue which rows match; safe for several threads.

    Args:
        catalog: The items.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._revision = -1
        self._kept: dict[str, Int64] = {}

    def of(self, expression: Expression) -> Int64:
        """Returns the rows that match a filter.

        Args:
            expression: The filter.

        Returns:
            (N,) int64, ascending; not to be changed.
        """
        revision, name = self._catalog.revision, repr(expression)  # 1 and true are equal, their forms are not
        with self._lock:
            if self._revision < revision:
                self._revision, self._kept = revision, {}
            rows = self._kept.pop(name, None) if self._revision == revision else None
            if rows is not None:
                self._kept[name] = rows  # now the last to go
                return rows
        rows = np.array(self._catalog.matching(expression), np.int64)
        with self._lock:
            if self._revision == revision:
                self._kept[name] = rows
                if len(self._kept) > _KEPT:
                    del self._kept[next(iter(self._kept))]
        return rows
