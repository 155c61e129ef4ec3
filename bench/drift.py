"""What raises the alarm of drift, how soon, and what does not.

    OMP_NUM_THREADS=1 python -m bench.drift --data coco18 --work DIR [--bundle DIR] [--cache-dir DIR]

The service's own monitor, on a bundle's codes and calibration. *False alarms*: services with 2,000 items drawn from the gallery
split, each asked 10,000 times by queries drawn with replacement from the query split and judged every hundred: the share of them
that ever raises an alarm. *Drift*: 4,000 queries of one sort on one index, likewise: the last total variation, its threshold, and
after how many queries the alarm came. Other worlds are OpenMoji's drawings with their names, and texts of random letters. *Cost*:
of noting one query. Markdown tables; the last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from app.code_samples import CodeSamples
from app.drift import DriftMonitor
from app.index import open_index
from app.pools import Pool
from bench.abstention_worlds import random_texts
from bench.grid_command import data_parser, exit_code
from bench.machine import require_threads
from bench.served import BUNDLE
from bench.tables import grid
from model.backbones import load_backbone
from model.bundle import EncoderBundle
from model.calibration import MODALITY_PAIRS, Calibration
from model.codes import UInt8, pack_codes, sign_codes
from training.bundle_codes import DataSource, EncodedData, encode_data
from training.config import DataSection
from training.datasets.openmoji import prepare_openmoji

_N_SERVICES, _N_ITEMS, _N_ASKED, _N_STRANGE, _N_RANDOM, _STEP = 100, 2_000, 10_000, 4_000, 500, 100
Codes = dict[str, UInt8]
"""Packed codes by modality."""


@dataclass(frozen=True, slots=True)
class Case:
    """Queries of one sort on one index.

    Attributes:
        name: In words.
        asking: Codes that ask; a modality that is absent asks nothing.
        items: Codes that are indexed.
    """

    name: str
    asking: Codes
    items: Codes


def service_of(items: Codes, calibration: Calibration) -> DriftMonitor:
    """Returns the monitor of a service with items.

    Args:
        items: What is indexed.
        calibration: Of the bundle.

    Returns:
        The monitor, its items drawn.
    """
    indexes: Any = {name: open_index(calibration.n_bits, kind="faiss_flat") for name in items}
    for name, index in indexes.items():
        index.load(np.arange(1, len(items[name]) + 1), items[name])
    pool = Pool("searching", n_threads=1, max_waiting=1)
    samples = CodeSamples(indexes, pool)
    asyncio.run(samples.fresh())
    pool.close()
    return DriftMonitor(calibration, samples)


def first_alarm(monitor: DriftMonitor, pair: Any, queries: UInt8) -> int | None:
    """Asks, and judges every hundred queries.

    Args:
        monitor: Of the service.
        pair: What asks, and what is found.
        queries: (N, n_bits / 8) uint8, in order.

    Returns:
        After how many the alarm came first; None if it never did.
    """
    first = None
    for n, query in enumerate(map(bytes, queries), 1):
        monitor.note(query, *pair)
        if not n % _STEP and first is None and (drift := _figure(monitor, pair).drift) is not None and drift.is_drifting:
            first = n
    return first


def false_alarms(asking: Codes, items: Codes, calibration: Calibration, n_services: int) -> dict[str, float]:
    """Counts services that raise an alarm though queries and items are like those of the calibration.

    Args:
        asking: Queries by modality.
        items: Items by modality.
        calibration: Of the bundle.
        n_services: How many are tried.

    Returns:
        Shares by direction.
    """
    rng, alarmed = np.random.default_rng(0), dict.fromkeys(MODALITY_PAIRS, 0)
    for _ in range(n_services):
        monitor = service_of({name: rng.choice(codes, _N_ITEMS, replace=False) for name, codes in items.items()}, calibration)
        for pair in MODALITY_PAIRS:
            alarmed[pair] += first_alarm(monitor, pair, rng.choice(asking[pair[0]], _N_ASKED)) is not None
    return {"-".join(pair): n / n_services for pair, n in alarmed.items()}


def measured_case(case: Case, calibration: Calibration) -> Iterator[dict[str, Any]]:
    """Measures what a monitor says of one case.

    Args:
        case: Which.
        calibration: Of the bundle.

    Yields:
        A direction's findings.
    """
    monitor, rng = service_of(case.items, calibration), np.random.default_rng(1)
    for pair in MODALITY_PAIRS:
        if pair[0] in case.asking:
            first = first_alarm(monitor, pair, rng.choice(case.asking[pair[0]], _N_STRANGE))
            drift = _figure(monitor, pair).drift
            if drift is not None:
                told = {"total_variation": drift.total_variation, "threshold": drift.threshold, "shift": drift.shift}
                yield {"case": case.name, "direction": "-".join(pair), **told, "alarm_after": first}


def cost_us(asking: Codes, items: Codes, calibration: Calibration) -> float:
    """Times noting a query.

    Args:
        asking: Queries by modality.
        items: Items by modality.
        calibration: Of the bundle.

    Returns:
        Microseconds, the median of 20 rounds.
    """
    monitor, queries = service_of(items, calibration), [bytes(query) for query in asking["text"]]
    rounds = []
    for _ in range(20):
        since = perf_counter()
        for query in queries:
            monitor.note(query, "text", "image")
        rounds.append((perf_counter() - since) / len(queries) * 1e6)
    return float(np.median(rounds))


def _figure(monitor: DriftMonitor, pair: tuple[str, str]) -> Any:
    return next(figure for figure in monitor.figures() if (figure.asks, figure.found) == pair)


def _cases(bundle: EncoderBundle, given: argparse.Namespace) -> tuple[Codes, Codes, list[Case]]:
    columns = DataSection()
    data = encode_data(bundle, DataSource(given.data, columns, given.cache_dir))
    drawings = _packed(
        encode_data(bundle, DataSource(prepare_openmoji(given.work / "openmoji"), columns, given.work / "cache")),
        "train", "query", "gallery",
    )  # fmt: skip
    backbone = load_backbone("minilm-l6-v2")
    letters = bundle.encoders()["text"].encode_features(backbone.extract([backbone.prepare(t) for t in random_texts(_N_RANDOM)]))
    asking, items = _packed(data, "query"), _packed(data, "gallery")
    half = {name: np.concatenate([codes[: len(drawings[name])], drawings[name][: len(codes)]]) for name, codes in asking.items()}
    return asking, items, [
        Case("query split on gallery", asking, items),
        Case("query split on train and gallery", asking, _packed(data, "train", "gallery")),
        Case("half of them OpenMoji on gallery", half, items),
        Case("OpenMoji on gallery", drawings, items),
        Case("random letters on gallery", {"text": pack_codes(sign_codes(letters))}, items),
        Case("query split on OpenMoji", asking, drawings),
    ]  # fmt: skip


def _packed(data: EncodedData, *splits: str) -> Codes:
    codes = data.joined(*splits)
    return {"image": pack_codes(sign_codes(codes.image)), "text": pack_codes(sign_codes(codes.text))}


def render(found: dict[str, Any]) -> str:
    """Writes what was found.

    Args:
        found: As :func:`main` prints it.

    Returns:
        Markdown.
    """
    rows = [
        [one["case"], one["direction"].replace("-", " → "), f"{one['total_variation']:.3f}", f"{one['threshold']:.3f}",
         f"{one['shift']:+.1f}", str(one["alarm_after"] or "–")]
        for one in found["drift"]
    ]  # fmt: skip
    shares = [[direction.replace("-", " → "), f"{share:.0%}"] for direction, share in found["false_alarms"].items()]
    lines = grid(["queries on index", "direction", "total variation", "threshold", "bits farther", "alarm after"], rows)
    return "\n".join(
        [*lines, "", *grid(["direction", "services with a false alarm"], shares), "", f"{found['cost_us']:.2f} µs a query"]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables, then all figures as one line of JSON.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code.
    """
    parser = data_parser(__doc__, work="where drawings are kept")
    parser.add_argument("--bundle", type=Path, default=BUNDLE, metavar="DIR", help="a calibrated one")
    parser.add_argument("--services", type=int, default=_N_SERVICES, metavar="N", help="tried for false alarms")
    given = parser.parse_args(arguments)

    def work() -> int:
        require_threads(1)
        bundle = EncoderBundle.from_pretrained(given.bundle)
        if (calibration := bundle.calibration) is None:
            raise OSError(f"{given.bundle} is not calibrated")
        asking, items, cases = _cases(bundle, given)
        found = {
            "drift": [row for case in cases for row in measured_case(case, calibration)],
            "false_alarms": false_alarms(asking, items, calibration, given.services),
            "cost_us": cost_us(asking, items, calibration),
        }
        print(f"{render(found)}\n{json.dumps(found)}")
        return 0

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
