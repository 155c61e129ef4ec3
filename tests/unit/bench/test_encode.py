"""Bits are compared by sign, both ways of an upload see the same, and what is timed reaches its target."""

from __future__ import annotations

import numpy as np

from bench.encode import equal_bits, upload
from bench.encode_inputs import upload_paths
from bench.result import Result


def test_a_bit_is_equal_if_the_signs_are() -> None:
    wanted, found = np.float32([[0.5, -0.5, 0.0, 0.1]]), np.float32([[0.1, 0.2, 0.3, -0.0]])
    assert equal_bits(wanted, found) == 0.75


def test_both_ways_of_an_upload_see_the_same_picture() -> None:
    plain, ours = (run() for run in upload_paths().values())
    assert np.abs(plain.transpose(1, 2, 0) * 128 + 127 - ours).mean() < 3


def test_an_upload_is_told_by_way_and_set_against_the_plain_one() -> None:
    result = Result("encode", "Encoding", {})
    upload(result, 1)
    assert [row["way"] for row in result.rows] == list(upload_paths())
    assert result.targets["upload"] == result.duels[0].ratio
