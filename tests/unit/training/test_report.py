"""The report for people says the same as the one for machines."""

from __future__ import annotations

from typing import Any

from training.report import render_report

REPORT: dict[str, Any] = {
    "method": "scbch",
    "data": "photos",
    "seed": 7,
    "epoch": 2,
    "selection": "validation",
    "evaluation": {
        "i2t_map": 0.71239,
        "t2i_map": 0.7,
        "mean_map": 0.706195,
        "chance": 0.48,
        "n_query": 99,
        "n_without_relevant": 1,
        "n_database": 1000,
        "n_bits": 64,
    },
    "n_train": 900,
    "n_validation": 100,
    "noise_rate": 0.5,
    "n_changed": 500,
    "true_label_share": 0.7251,
}
METRICS = [
    {"epoch": 1, "validation_map": 0.6, "losses": {"b": 2.0, "a": 1.0}},
    {"epoch": 2, "validation_map": 0.65, "losses": {"a": 0.9, "b": 1.9}},
]


def test_figures_stand_beside_chance_and_with_their_conditions() -> None:
    text = render_report(REPORT, METRICS)
    assert text.startswith("# SCBCH, 64 bits, on photos\n")
    for fact in (
        "| image → text | 0.7124 |",
        "| text → image | 0.7000 |",
        "relevant items) | 0.4800 |",
        "99 queries against 1000 items",
    ):
        assert fact in text
    for fact in (
        "1 queries without anything relevant",
        "100 validation pairs",
        "noise rate 0.5",
        "72.5% of the true labels",
        "seed 7",
    ):
        assert fact in text


def test_every_epoch_has_a_row_whose_losses_stand_under_their_names() -> None:
    lines = render_report(REPORT, METRICS).splitlines()
    assert "| epoch | validation mAP (given labels) | a | b |" in lines
    assert "| 1 | 0.6000 | 1.0000 | 2.0000 |" in lines
    assert "| **2** | 0.6500 | 0.9000 | 1.9000 |" in lines


def test_an_epoch_that_query_chose_is_named_loudly_and_stands_under_its_own_head() -> None:
    metrics = [{"epoch": 2, "query_map": 0.7, "losses": {"a": 1.0}}]
    text = render_report(REPORT | {"selection": "query"}, metrics)
    assert "**Epoch 2 was chosen on the query split itself, by its true labels" in text
    assert "| epoch | query mAP (true labels) | a |\n|---|---|---|\n| **2** | 0.7000 | 1.0000 |" in text
    assert "used once" not in text


def test_a_method_without_losses_has_a_row_of_two_cells() -> None:
    text = render_report(REPORT | {"epoch": 0}, [{"epoch": 0, "validation_map": 0.5, "losses": {}}])
    assert "given labels) |\n|---|---|\n| **0** | 0.5000 |" in text


def test_without_epochs_there_are_no_rows() -> None:
    assert "| epoch |" in render_report(REPORT, [])
