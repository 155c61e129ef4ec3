"""What is a state and no event, in Prometheus' form.

Decides names and labels. Does not know how the figures are gathered.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app.familiarity import EDGES
from app.figures import Figures


class States(Collector):
    """Figures as Prometheus has them.

    Args:
        figures: The service at one moment.
    """

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Yields one family a figure; a figure that is not known right now is left out."""
        figures = self._figures
        if figures.n_items is not None:
            yield GaugeMetricFamily("bitlens_items", "Items in the catalogue.", figures.n_items)
        if figures.snapshot_age_s is not None:
            yield GaugeMetricFamily("bitlens_snapshot_age_seconds", "Age of the index snapshot.", figures.snapshot_age_s)
        if figures.disk_free_bytes is not None:
            yield GaugeMetricFamily("bitlens_disk_free_bytes", "Free space for the data folder.", figures.disk_free_bytes)
        yield GaugeMetricFamily("bitlens_cache_available", "Whether codes can be kept.", int(figures.cache_is_up))
        yield GaugeMetricFamily("bitlens_uptime_seconds", "Seconds since the service started.", figures.uptime_s)
        codes = GaugeMetricFamily("bitlens_index_codes", "Codes in the index.", labels=["modality"])
        n_bytes = GaugeMetricFamily("bitlens_index_bytes", "Memory of the index.", labels=["modality"])
        for modality, size in figures.indexes.items():
            codes.add_metric([modality], size.n_codes)
            n_bytes.add_metric([modality], size.n_bytes)
        yield from (codes, n_bytes)
        yield from self._pools()
        yield from self._drift()
        yield from self._familiarity()

    def _pools(self) -> Iterable[Metric]:
        waiting = GaugeMetricFamily("bitlens_pool_waiting", "Tasks that wait for a thread.", labels=["pool"])
        running = GaugeMetricFamily("bitlens_pool_running", "Tasks that run.", labels=["pool"])
        refused = CounterMetricFamily("bitlens_pool_refused", "Tasks refused because too many waited.", labels=["pool"])
        for pool in self._figures.pools:
            waiting.add_metric([pool.name], pool.n_waiting)
            running.add_metric([pool.name], pool.n_running)
            refused.add_metric([pool.name], pool.n_refused)
        yield from (waiting, running, refused)

    def _drift(self) -> Iterable[Metric]:
        directions = ["query", "target"]
        pairs = GaugeMetricFamily("bitlens_drift_pairs", "Newest queries compared with the calibration.", labels=directions)
        drift = GaugeMetricFamily("bitlens_drift", "Share of distances that lie elsewhere than when calibrated.", labels=directions)
        threshold = GaugeMetricFamily("bitlens_drift_threshold", "What bitlens_drift must be above to be told.", labels=directions)
        drifting = GaugeMetricFamily("bitlens_drifting", "Whether it is.", labels=directions)
        for figure in self._figures.drift:
            direction = [figure.asks, figure.found]
            pairs.add_metric(direction, figure.n_pairs)
            if figure.drift is not None:
                drift.add_metric(direction, figure.drift.total_variation)
                threshold.add_metric(direction, figure.drift.threshold)
                drifting.add_metric(direction, int(figure.drift.is_drifting))
        yield from (pairs, drift, threshold, drifting)

    def _familiarity(self) -> Iterable[Metric]:
        labels = ["modality"]
        queries = HistogramMetricFamily(
            "bitlens_query_familiarity", "How familiar searches are, by what they ask with.", labels=labels
        )
        refused = CounterMetricFamily("bitlens_unfamiliar_unanswered", "Searches not answered, as too unfamiliar.", labels=labels)
        for figure in self._figures.familiarity:
            upto = [(str(edge), count) for edge, count in zip(EDGES, accumulate(figure.counts), strict=True)]
            queries.add_metric([figure.modality], [*upto, ("+Inf", figure.n)], figure.total)
            refused.add_metric([figure.modality], figure.n_abstained)
        yield from (queries, refused)
