"""``python -m training audit``: from the folder of a run to files and a page.

Decides what is audited (the given labels that the run stored, by the features that it learnt from) and where files lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.errors import ConfigError
from training.audit.files import accepted_corrections, to_csv, to_json
from training.audit.findings import Audit, audit_labels
from training.audit.page import render_page
from training.audit.thumbnails import Thumbnails
from training.checkpoint import read_tensors, write_bytes
from training.compute import torch_settings
from training.datasets import FeatureSplits, PairSplits
from training.inputs import data_facts, extract_pair_features, read_pairs, select
from training.label_corrections import write_corrections
from training.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What may be chosen.

    Attributes:
        threshold: Suspicion from which on suggested labels are written as corrections, in [0, 1].
        n_shown: Pairs on the page.
    """

    threshold: float = 0.7
    n_shown: int = 200


def audit_run(run_dir: Path, data: Path, out: Path, options: AuditOptions, *, cache_dir: Path) -> dict[str, Any]:
    """Audits the labels that a run was given, and writes ``audit.html``, ``.csv``, ``.json`` and ``corrected.jsonl``.

    Args:
        run_dir: Folder of the run; it need not be finished.
        data: Folder of its data set.
        out: Folder of the files; made if absent.
        options: What may be chosen.
        cache_dir: Where features are kept.

    Returns:
        Where the files are, and counts, JSON-able.

    Raises:
        ConfigError: If the folder holds no run or no labels yet, the data are not those of the run, or a file cannot be written.
        DatasetError: If the data set cannot be read.
    """
    run = RunFolder(run_dir)
    config = run.read_config()
    if not run.labels.exists():
        raise ConfigError([f"{run_dir}: the run has no labels yet: start its training"])
    own = config.model_copy(update={"data": config.data.model_copy(update={"corrected_labels": ""})})  # the run's labels have them
    pairs = read_pairs(own, data, cache_dir=cache_dir)
    _check_data(run, pairs, data)
    features = extract_pair_features(pairs.train, "train", config, cache_dir=cache_dir)
    given_labels = read_tensors(run.labels)[0]["given_labels"].numpy()
    with torch_settings(config.training):
        train = select(features, given_labels, np.arange(len(given_labels)))
        audit = audit_labels(train, pairs.train.ids, pairs.label_names)
    facts = _facts(audit, run, options)
    page = render_page(audit, facts, Thumbnails(pairs.train), n_shown=options.n_shown)
    return facts | _write(audit, facts, page, out)


def _check_data(run: RunFolder, pairs: PairSplits | FeatureSplits, data: Path) -> None:
    """Refuses other pairs than those that the run's labels belong to."""
    there, here = (facts["splits"]["train"] for facts in (run.facts(), data_facts(pairs, data)))
    if differing := [f"{key}: there {there.get(key)!r}, here {value!r}" for key, value in here.items() if there.get(key) != value]:
        raise ConfigError([f"{data}: not the training split that {run.path} was made from", *differing])


def _facts(audit: Audit, run: RunFolder, options: AuditOptions) -> dict[str, Any]:
    return {
        "run": run.path.resolve().name,
        "data": run.facts()["data"],
        "n_pairs": len(audit.ids),
        "n_labels": len(audit.label_names),
        "noise_model": audit.noise_model,
        "events": {name: round(share, 4) for name, share in audit.shares.items()},
        "n_wrong_expected": round(float(audit.suspicion.sum()), 1),
        "threshold": options.threshold,
        "n_accepted": len(audit.accepted(options.threshold)),
    }


def _write(audit: Audit, facts: dict[str, Any], page: str, out: Path) -> dict[str, str]:
    paths = {"page": "audit.html", "csv": "audit.csv", "json": "audit.json", "corrected_labels": "corrected.jsonl"}
    places = {key: out / name for key, name in paths.items()}
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_bytes(places["page"], page.encode())
        write_bytes(places["csv"], to_csv(audit, facts["threshold"]).encode())
        write_bytes(places["json"], to_json(audit, facts["threshold"], facts).encode())
        write_corrections(places["corrected_labels"], accepted_corrections(audit, facts["threshold"]))
    except OSError as error:
        raise ConfigError([f"{out}: cannot be written: {error.strerror}"]) from error
    return {key: str(place) for key, place in places.items()}
