"""Ratios are to the first candidate, and bits are compared by sign."""

from __future__ import annotations

import numpy as np

from bench.encode import equal_bits, timed
from bench.encode_inputs import upload_paths


def test_every_candidate_runs_once_to_warm_up_and_then_once_a_round() -> None:
    calls: list[str] = []
    found = timed({"slow": lambda: calls.append("slow"), "quick": lambda: calls.append("quick")}, 3)
    assert calls == ["slow", "quick"] * 4
    assert found["slow"]["times_faster"] == 1.0
    assert found["quick"].keys() == {"ms", "spread_ms", "times_faster"}


def test_a_bit_is_equal_if_the_signs_are() -> None:
    wanted, found = np.float32([[0.5, -0.5, 0.0, 0.1]]), np.float32([[0.1, 0.2, 0.3, -0.0]])
    assert equal_bits(wanted, found) == 0.75


def test_both_ways_of_an_upload_see_the_same_picture() -> None:
    plain, ours = (run() for run in upload_paths().values())
    assert np.abs(plain.transpose(1, 2, 0) * 128 + 127 - ours).mean() < 3
