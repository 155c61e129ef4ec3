"""Whether codes use their bits: balance, entropy, correlation, collisions, and the gap between modalities.

Decides the measures, and from when on a finding is told in words. Looks at packed codes alone: those of a data set, or all that an
index holds. Imports no torch.

With b a code of ±1 and p_k the share of codes whose bit k is set, bit k has mean 2 p_k − 1 and entropy
H(p_k) = −p_k log₂ p_k − (1 − p_k) log₂(1 − p_k). With C the covariance of the bits over the codes,

    effective bits = (Σ_k λ_k)² / Σ_k λ_k² = (tr C)² / ‖C‖²      (λ the eigenvalues of C)

the participation ratio: n_bits for independent balanced bits, 1 if all are copies of one, and a constant bit adds nothing.
Source: P. Gao et al., A theory of multineuronal dimensionality, dynamics and measurement (2017), https://doi.org/10.1101/214262.

The modality gap is the distance of the mean image code and the mean text code on the unit sphere, ‖mean b_image − mean b_text‖ /
√n_bits in [0, 2], as of relaxed embeddings in W. Liang et al., Mind the Gap (2022), https://arxiv.org/abs/2203.02053.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.codes import Int64, UInt8, unpack_codes
from model.errors import CodeError

Float64 = npt.NDArray[np.float64]
_BLOCK = 65_536
_INFORMATIVE_ENTROPY, _COPY = 0.5, 0.95  # less is a bit that nine codes in ten share; more is another bit in other words
_FEW_EFFECTIVE, _CROWDED, _WIDE_GAP = 0.125, 0.1, 0.5
_FREQUENT, _FEWEST = 5, 100  # codes named; fewer codes than that say nothing about bits


@dataclass(frozen=True, slots=True)
class CodeHealth:
    """What the codes of one modality do with their bits.

    Attributes:
        n_codes: How many were looked at.
        n_bits: Bits of a code.
        balance: Share of codes whose bit is set, by bit, in [0, 1]; one half is best.
        entropy: Mean entropy of a bit, in [0, 1].
        correlation: Mean |correlation| of two bits that are not constant, in [0, 1]; 0 is best.
        largest_correlation: The largest of them.
        effective_bits: Participation ratio, in [0, n_bits]; 0 if all codes are equal.
        n_constant: Bits with an entropy below one half.
        n_copies: Other bits whose |correlation| with an earlier one is above 0.95.
        n_distinct: Different codes.
        largest_bucket: Codes that equal the most frequent one.
        collision: Probability that two of the codes, drawn at random, are equal.
        bucket_sizes: Buckets of 1, 2–3, 4–7, 8–15, … codes.
        frequent: The five codes that occur most often, as hex, and how often; those that occur once are left out.
    """

    n_codes: int
    n_bits: int
    balance: tuple[float, ...]
    entropy: float
    correlation: float
    largest_correlation: float
    effective_bits: float
    n_constant: int
    n_copies: int
    n_distinct: int
    largest_bucket: int
    collision: float
    bucket_sizes: tuple[int, ...]
    frequent: tuple[tuple[str, int], ...]

    @property
    def n_informative(self) -> int:
        """Bits that are neither nearly constant nor copies."""
        return self.n_bits - self.n_constant - self.n_copies

    def as_dict(self) -> dict[str, Any]:
        """Returns everything, JSON-able."""
        lists = {"balance": list(self.balance), "bucket_sizes": list(self.bucket_sizes), "frequent": [*map(list, self.frequent)]}
        return {**asdict(self), **lists, "n_informative": self.n_informative}


def measure_codes(packed_codes: UInt8) -> CodeHealth:
    """Measures the codes of one modality.

    Args:
        packed_codes: (N, n_bits / 8) uint8, N > 0.

    Returns:
        What they do with their bits.

    Raises:
        CodeError: If the array is no packed codes, or holds none.
    """
    if not len(packed_codes):
        raise CodeError("no codes to measure")
    mean, covariance = _moments(packed_codes)
    balance, n_bits = (mean + 1) / 2, len(mean)
    entropies = bit_entropy(balance)
    correlations = _correlations(covariance)
    lively = entropies >= _INFORMATIVE_ENTROPY
    copies = (np.tril(correlations, -1) * np.outer(lively, lively) > _COPY).any(axis=1)
    among = correlations[np.triu_indices(n_bits, 1)]
    known = among[among >= 0]
    norm = float((covariance**2).sum())
    codes, counts = _buckets(packed_codes)
    n = len(packed_codes)
    return CodeHealth(
        n_codes=n,
        n_bits=n_bits,
        balance=tuple(balance.tolist()),
        entropy=float(entropies.mean()),
        correlation=float(known.mean()) if len(known) else 0.0,
        largest_correlation=float(known.max()) if len(known) else 0.0,
        effective_bits=float(np.trace(covariance)) ** 2 / norm if norm > 0 else 0.0,
        n_constant=int((~lively).sum()),
        n_copies=int(copies.sum()),
        n_distinct=len(counts),
        largest_bucket=int(counts.max()),
        collision=float((counts * (counts - 1)).sum() / (n * (n - 1))) if n > 1 else 0.0,
        bucket_sizes=tuple(np.bincount(np.log2(counts).astype(np.int64)).tolist()),
        frequent=tuple(
            (codes[at].tobytes().hex(), int(counts[at])) for at in np.argsort(-counts, kind="stable")[:_FREQUENT] if counts[at] > 1
        ),
    )


def bit_entropy(balance: Float64) -> Float64:
    """Returns the entropy of bits.

    Args:
        balance: (K,) float64, shares of codes with the bit set.

    Returns:
        (K,) float64 in [0, 1].
    """
    shares = np.stack([balance, 1 - balance])
    logs = np.log2(np.where(shares > 0, shares, 1.0))
    return np.asarray(-(shares * logs).sum(axis=0))


def modality_gap(image: CodeHealth, text: CodeHealth) -> float:
    """Returns the modality gap of the module's docstring.

    Args:
        image: Of the images' codes.
        text: Of the texts' codes, of as many bits.

    Returns:
        In [0, 2].
    """
    return float(2 * np.linalg.norm(np.subtract(image.balance, text.balance)) / np.sqrt(image.n_bits))


def nearer_share(relevant: Float64, irrelevant: Float64) -> float:
    """Returns the probability that a relevant pair is nearer than an irrelevant one, a tie counting half: the area under the ROC.

    Args:
        relevant: (n_bits + 1) float64, relevant pairs by distance, at least one.
        irrelevant: (n_bits + 1) float64, the others, at least one.

    Returns:
        In [0, 1]; one half is chance.
    """
    farther = irrelevant.sum() - np.cumsum(irrelevant)
    return float((relevant * (farther + irrelevant / 2)).sum() / (relevant.sum() * irrelevant.sum()))


def alarms(health: CodeHealth, name: str) -> list[str]:
    """Says in plain words what is wrong with codes.

    Args:
        health: Of one modality.
        name: What the codes are called in the sentences.

    Returns:
        A sentence a finding; none of fewer than 100 codes.
    """
    if health.n_codes < _FEWEST:
        return []
    found = []
    if health.n_informative < health.n_bits:
        why = {"hardly ever change": health.n_constant, "repeat another one": health.n_copies}
        reasons = ", ".join(f"{n} {words}" for words, n in why.items() if n)
        found.append(f"{name}: {health.n_informative} of {health.n_bits} bits carry information ({reasons})")
    if health.effective_bits < _FEW_EFFECTIVE * health.n_bits:
        found.append(
            f"{name}: the bits move together: {health.n_bits} bits tell as much as {health.effective_bits:.1f} independent ones"
        )
    if health.largest_bucket > _CROWDED * health.n_codes:
        share = health.largest_bucket / health.n_codes
        found.append(f"{name}: {share:.0%} of the codes are one and the same, so that a search cannot rank them")
    return found


def gap_alarms(gap: float) -> list[str]:
    """Says in plain words whether images and texts lie apart.

    Args:
        gap: The modality gap.

    Returns:
        A sentence, or none.
    """
    words = f"image and text codes lie apart (gap {gap:.2f} of at most 2): distances across modalities are larger than within"
    return [words] if gap > _WIDE_GAP else []


def _moments(packed_codes: UInt8) -> tuple[Float64, Float64]:
    """Returns mean and covariance of the bits as ±1, block by block; sums of whole numbers below 2²⁴ are exact in float32."""
    n_bits = packed_codes.shape[1] * 8
    total, products = np.zeros(n_bits), np.zeros((n_bits, n_bits))
    for start in range(0, len(packed_codes), _BLOCK):
        signs = unpack_codes(packed_codes[start : start + _BLOCK]).astype(np.float32)
        total += signs.sum(axis=0, dtype=np.float64)
        products += signs.T @ signs
    mean = total / len(packed_codes)
    return mean, products / len(packed_codes) - np.outer(mean, mean)


def _correlations(covariance: Float64) -> Float64:
    """Returns |correlations|, −1 where one of the bits is constant."""
    variance = np.diag(covariance)
    lively = variance > 0
    scale = np.sqrt(np.where(lively, variance, 1.0))
    return np.where(np.outer(lively, lively), np.abs(covariance) / np.outer(scale, scale), -1.0)


def _buckets(packed_codes: UInt8) -> tuple[npt.NDArray[np.void], Int64]:
    """Returns the different codes and how often each occurs."""
    rows = np.ascontiguousarray(packed_codes).view(np.dtype((np.void, packed_codes.shape[1]))).ravel()
    codes, counts = np.unique(rows, return_counts=True)
    return codes, counts.astype(np.int64)


def all_alarms(image: CodeHealth | None, text: CodeHealth | None) -> Sequence[str]:
    """Says in plain words what is wrong with the codes of both modalities.

    Args:
        image: Of the images' codes; None if there are none.
        text: Of the texts' codes; None if there are none.

    Returns:
        A sentence a finding; none about fewer than 100 codes.
    """
    found = [sentence for health, name in ((image, "images"), (text, "texts")) if health for sentence in alarms(health, name)]
    if image and text and min(image.n_codes, text.n_codes) >= _FEWEST:
        found += gap_alarms(modality_gap(image, text))
    return found
