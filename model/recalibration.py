"""From people's judgements of hits to a calibration, beginning with the one that the bundle came with.

Decides the estimator and how many judgements it needs. Does not know where judgements are kept. Imports no torch.

Judged hits are a biased sample: only what was shown could be judged, which is near. So nothing is concluded from how often a
distance was judged, only from the share of relevant ones among those judged at it; whether a hit was judged must depend on its
distance and direction alone, not on its relevance.

Of a direction, n_d judged hits lie at distance d, r_d of them relevant; x_d are the log-odds of the bundle's expected precision.

    r_d ~ Binomial(n_d, p_d),   log p_d / (1 − p_d) = x_d + f_d,   f ~ N(0, K)
    K_de = σ² (1 + x_d x_e / 4) + τ² exp(−(d − e)² / 2ℓ²) + s_d s_e exp(−(d − e)² / 2ℓ₀²)

σ lets all log-odds move together, as another share of relevant items moves them (M. Saerens et al., Adjusting the Outputs of a
Classifier to New a Priori Probabilities, 2002, https://doi.org/10.1162/089976602753284446), and stretch, as in J. Platt,
Probabilistic Outputs for Support Vector Machines (1999); τ lets neighbouring distances differ from that; s_d is the bundle's own
uncertainty, its interval's width in log-odds by 2 · 1.96. Where nothing was judged, far away above all, the bundle's curve stands,
moved as the rest was. ``model.log_odds`` has the posterior.

How far a bundle can be trusted on other data is not known, so σ, τ and ℓ take several values, equally probable before, and the
posteriors are averaged by their evidence (J. Hoeting et al., Bayesian Model Averaging, 1999, https://doi.org/10.1214/ss/1009212519):
judgements that agree with the bundle hardly move it, and ones that contradict it move it far. The value is E[p_d]; the interval is
the average's mean ± 1.96 standard deviations in log-odds. Isotonic regression, weighted by 1 / variance, makes them fall.

Judgements of one query, or of one item, go together. Each counts as 1 / δ of one, with the design effect of J. Rao and A. Scott (On
Chi-Squared Tests for Multiway Contingency Tables, 1984, https://doi.org/10.1214/aos/1176346391) from the variance over clusters c,
which are queries and items as in ``model.calibration_fit``, corrected for the number G of queries:

    δ = max(1, G / (G − 1) · (Σ_c S_c² − Σ e²) / Σ e²),   S_c = Σ over the judgements of c of e,   e = relevant − p_d

Note: the plain alternative, a beta-binomial at each distance with a bounded weight of the bundle, then isotonic regression, learns
each distance from its own judgements alone; ``bench/recalibration.py`` compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from model.calibration import DistanceCurve
from model.calibration_fit import falling_blocks
from model.codes import Int64
from model.log_odds import Float64, log_odds, posterior, probability

FEWEST_JUDGEMENTS = 200
FEWEST_QUERIES = 20
FEWEST_OF_A_SORT = 5
"""Of relevant ones, and of irrelevant ones: who only ever says yes has not judged."""

_Z = 1.959963984540054  # 97.5 % quantile of the normal distribution
_SIGMAS = _TAUS = (0.05, 0.5, 2.0)
_PARTS = (16, 42)  # n_bits / ℓ; the first one also for ℓ₀
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class JudgedHits:
    """Judged hits of one direction.

    Attributes:
        distances: (N,) int64, 0 to n_bits.
        relevant: (N,) bool.
        queries: (N,) int64, equal for hits of equal queries.
        items: (N,) int64, equal for hits that are the same item.
    """

    distances: Int64
    relevant: npt.NDArray[np.bool_]
    queries: Int64
    items: Int64

    def __len__(self) -> int:
        return len(self.distances)

    @property
    def n_relevant(self) -> int:
        """Hits that were judged relevant."""
        return int(self.relevant.sum())

    @property
    def n_queries(self) -> int:
        """Different queries."""
        return len(np.unique(self.queries))


def lacking(hits: JudgedHits | None) -> str:
    """Says what is missing for a calibration.

    Args:
        hits: Of a direction; None for none.

    Returns:
        Words, empty if there is enough.
    """
    n, n_relevant, n_queries = (0, 0, 0) if hits is None else (len(hits), hits.n_relevant, hits.n_queries)
    wanted = {
        "judgements": (n, FEWEST_JUDGEMENTS),
        "queries": (n_queries, FEWEST_QUERIES),
        "hits judged relevant": (n_relevant, FEWEST_OF_A_SORT),
        "hits judged irrelevant": (n - n_relevant, FEWEST_OF_A_SORT),
    }
    missing = [f"{least - there} more {name} ({there} of {least})" for name, (there, least) in wanted.items() if there < least]
    return ", ".join(missing)


def refit(curve: DistanceCurve, hits: JudgedHits) -> DistanceCurve:
    """Estimates P(relevant | distance) anew.

    Args:
        curve: The bundle's own.
        hits: Judged hits of the same direction, at least one.

    Returns:
        The curve; the pairs that were counted stay the bundle's, and the base rate is the share of relevant ones expected of them.
    """
    n = np.bincount(hits.distances, minlength=len(curve.value)).astype(np.float64)
    relevant = np.bincount(hits.distances[hits.relevant], minlength=len(curve.value)).astype(np.float64)
    expected, _, _ = _estimate(curve, n, relevant)
    effect = design_effect(hits, expected)
    value, low, high = _estimate(curve, n / effect, relevant / effect)
    pairs = np.asarray(curve.n_pairs, np.float64)
    base_rate = float(np.clip(pairs @ value / pairs.sum(), _LEAST, 1 - _LEAST))
    return replace(curve, value=tuple(value.tolist()), low=tuple(low.tolist()), high=tuple(high.tolist()), base_rate=base_rate)


def design_effect(hits: JudgedHits, expected: Float64) -> float:
    """Says how many judgements tell as much as one would if all were of different queries and items.

    Args:
        hits: Judged hits.
        expected: (n_bits + 1) float64 in (0, 1), P(relevant) by distance.

    Returns:
        δ, at least 1.
    """
    residuals = hits.relevant - expected[hits.distances]
    own = float((residuals**2).sum())
    sums = [np.bincount(np.unique(each, return_inverse=True)[1], residuals) for each in (hits.queries, hits.items)]
    together = sum(float((each**2).sum()) for each in sums)
    return max(1.0, hits.n_queries / max(hits.n_queries - 1, 1) * (together - own) / own)


def _estimate(curve: DistanceCurve, n: Float64, relevant: Float64) -> tuple[Float64, Float64, Float64]:
    """Returns value, low and high by distance; none of them rises."""
    prior = log_odds(curve.value)
    beliefs = [posterior(prior, covariance, n, relevant) for covariance in _covariances(curve, prior)]
    evidence = np.array([belief.log_evidence for belief in beliefs])
    weights = np.exp(evidence - np.logaddexp.reduce(evidence))
    means, variances = np.stack([belief.mean for belief in beliefs]), np.stack([belief.variance for belief in beliefs])
    odds = means[:, :, None] + np.sqrt(variances)[:, :, None] * _NODES
    value = weights @ (probability(odds) @ _WEIGHTS) / _WEIGHTS.sum()
    mean = weights @ means
    variance = weights @ (variances + (means - mean) ** 2)
    reach = _Z * np.sqrt(variance)
    value, low, high = (_fall(each, 1 / variance) for each in (value, probability(mean - reach), probability(mean + reach)))
    return value, np.minimum(low, value), np.maximum(high, value)


def _covariances(curve: DistanceCurve, prior: Float64) -> Iterator[Float64]:
    """Yields K for each σ, τ and ℓ."""
    distances = np.arange(len(prior), dtype=np.float64)
    apart = (distances[:, None] - distances) ** 2
    alike = [np.exp(-apart / (2 * max(1.0, (len(prior) - 1) / part) ** 2)) for part in _PARTS]
    own = (log_odds(curve.high) - log_odds(curve.low)) / (2 * _Z)
    for sigma, tau, near in product(_SIGMAS, _TAUS, alike):
        yield sigma**2 * (1 + np.outer(prior, prior) / 4) + tau**2 * near + np.outer(own, own) * alike[0]


def _fall(values: Float64, weights: Float64) -> Float64:
    fallen = values.copy()
    for block in falling_blocks(values, weights):
        fallen[block] = np.average(values[block], weights=weights[block])
    return fallen
