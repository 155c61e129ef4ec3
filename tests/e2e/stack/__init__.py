"""Tests against a stack that somebody has started: ``make e2e URL=…``."""
