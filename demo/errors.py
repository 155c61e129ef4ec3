"""What can go wrong in the demonstration besides the data."""

from __future__ import annotations


class DemoError(Exception):
    """A step of the demonstration failed; the message says which and why, in words for whoever started it."""
