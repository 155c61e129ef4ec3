"""How far apart M codewords of K bits can be: what is surely possible, and what is surely not.

Decides these bounds, in exact whole numbers. Does not know losses.
"""

from __future__ import annotations

from math import comb


def attainable_distance(n_bits: int, n_codewords: int) -> int:
    """Returns the largest d up to K at which M codewords of K bits, each two at least d apart, are sure to exist.

    Gilbert (1952), Varshamov (1957), https://en.wikipedia.org/wiki/Gilbert–Varshamov_bound: choosing greedily, each codeword rules
    out the Σ_{t<d} C(K, t) words nearer than d, so M fit while M · Σ_{t<d} C(K, t) ≤ 2^K.

    Args:
        n_bits: K ≥ 1.
        n_codewords: M ≥ 1.

    Returns:
        d in bits; 0 where M > 2^K.
    """
    return max(d for d in range(n_bits + 1) if n_codewords * _ball(n_bits, d - 1) <= 2**n_bits)


def hamming_bound(n_bits: int, n_codewords: int) -> int:
    """Returns the largest d up to K that sphere packing does not rule out.

    Hamming (1950), https://en.wikipedia.org/wiki/Hamming_bound: balls of radius ⌊(d − 1)/2⌋ around the codewords are disjoint, so
    M · Σ_{t ≤ ⌊(d−1)/2⌋} C(K, t) ≤ 2^K.

    Args:
        n_bits: K ≥ 1.
        n_codewords: M ≥ 1.

    Returns:
        d in bits; 0 where M > 2^K.
    """
    return max(d for d in range(n_bits + 1) if n_codewords * _ball(n_bits, (d - 1) // 2) <= 2**n_bits)


def plotkin_bound(n_bits: int, n_codewords: int) -> int:
    """Returns the largest d that the mean distance allows.

    Plotkin (1960), https://en.wikipedia.org/wiki/Plotkin_bound: a bit divides the codewords into two parts, so that at most M²/4 of
    the M(M − 1)/2 pairs differ in it, and the mean distance is at most K · M / (2(M − 1)).

    Args:
        n_bits: K ≥ 1.
        n_codewords: M ≥ 1.

    Returns:
        d in bits, at most K.
    """
    return n_bits if n_codewords < 2 else min(n_bits, n_bits * n_codewords // (2 * (n_codewords - 1)))


def distance_range(n_bits: int, n_codewords: int) -> tuple[int, int]:
    """Returns what is attainable, and the lower one of the two upper bounds.

    Args:
        n_bits: K ≥ 1.
        n_codewords: M ≥ 1.

    Returns:
        Both in bits; the first is at most the second.
    """
    upper = min(hamming_bound(n_bits, n_codewords), plotkin_bound(n_bits, n_codewords))
    return min(attainable_distance(n_bits, n_codewords), upper), upper


def _ball(n_bits: int, radius: int) -> int:
    """Counts the words within a radius of a word."""
    return sum(comb(n_bits, t) for t in range(radius + 1))
