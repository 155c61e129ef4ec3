"""Two runs a seed that differ in corrected labels alone, and a table that says how many labels were wrong in each."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.audit_training import KINDS, configurations, render


def test_the_two_runs_of_a_seed_differ_in_corrected_labels_alone() -> None:
    options = argparse.Namespace(out=Path("runs"), config="photos", noise=0.5, bits=64, overrides=["training.epochs=3"])
    given, corrected = configurations(options, 2).values()
    assert corrected.data.corrected_labels == str(Path("runs") / "corrected-noise0.5-seed2.jsonl")
    assert corrected.model_copy(update={"data": given.data}) == given
    assert (given.noise.seed, given.training.seed, given.training.epochs) == (2, 2, 3)


def test_the_table_has_a_row_for_each_kind_of_labels() -> None:
    found = {
        (kind, seed): {"n_changed": 100 * n, "evaluation": {"i2t_map": 0.7, "t2i_map": 0.5, "mean_map": 0.6 + seed / 100}}
        for n, kind in enumerate(KINDS)
        for seed in (1, 3)
    }
    table = render(found, title="SCBCH")
    assert "SCBCH, mAP on query by true labels, seeds 1, 3." in table
    assert "| given labels | 0 | 0.700 ± 0.000 | 0.500 ± 0.000 | 0.620 ± 0.014 |" in table
    assert "| corrected labels | — | — | — | — |" in render({("given labels", 1): found["given labels", 1]}, title="SCBCH")
