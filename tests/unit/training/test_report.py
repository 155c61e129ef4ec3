"""The report for people says the same as the one for machines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ranking_fixtures import random_pairs
from training.evaluation import Evaluation, evaluate
from training.report import render_figures, render_labels, render_report, render_summary

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
    assert "| mAP, whole database | 0.7124       | 0.7000       | 0.7062 | 0.4800 |" in text
    assert "99 queries against 1000 items" in text
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


def test_a_last_epoch_that_is_kept_is_told_and_query_is_not_said_to_be_used_once_where_it_judged_each() -> None:
    text, by_query = (render_report(REPORT | {"keep": "last", "selection": name}, []) for name in ("validation", "query"))
    assert "The query split was used once, after the last epoch; the last epoch (2) was kept, whatever validation said." in text
    assert "The query split judged every epoch; the last epoch (2) was kept, whatever query said." in by_query
    assert "had been chosen" not in text + by_query
    assert render_report(REPORT | {"keep": "best"}, []) == render_report(REPORT, [])


def test_a_method_without_losses_has_a_row_of_two_cells() -> None:
    text = render_report(REPORT | {"epoch": 0}, [{"epoch": 0, "validation_map": 0.5, "losses": {}}])
    assert "given labels) |\n|---|---|\n| **0** | 0.5000 |" in text


@pytest.mark.parametrize("keep", ["best", "last"])
def test_of_a_method_without_epochs_none_is_said_to_have_been_chosen_or_kept(keep: str) -> None:
    text = render_report(REPORT | {"epoch": 0, "keep": keep}, [])
    assert "The method has no epochs: none was chosen" in text
    assert "had been chosen" not in text
    assert "last epoch" not in text


def test_without_epochs_there_are_no_rows() -> None:
    assert "| epoch |" in render_report(REPORT, [])


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return evaluate(random_pairs(1, 20), random_pairs(2, 60), label_names=["cat", "dog", "bus", "car"])


def cells(text: str) -> dict[str, list[str]]:
    """Returns the rows of Markdown tables by their first cell."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


def test_every_measure_has_a_row_with_its_mean_and_chance(found: Evaluation) -> None:
    figures, rows = found.as_dict(), cells(render_figures(found.as_dict(), found.curves()))
    for words, key, chance in (
        ("mAP of the first 50", "map_at_50", figures["chance_map_at_50"]),
        ("NDCG of the first 50", "ndcg_at_50", figures["chance_ndcg_at_50"]),
        ("precision within distance 2", "precision_radius_2", figures["chance"]),
        ("true partner among the first 10", "recall_at_10", 0.5),
    ):
        i2t, t2i = figures[f"i2t_{key}"], figures[f"t2i_{key}"]
        assert rows[words] == [f"{value:.4f}" for value in (i2t, t2i, (i2t + t2i) / 2, chance)]
    assert rows["queries with nothing within distance 2"][-1] == ""
    precisions = found.i2t.precision_at[50], found.t2i.precision_at[50]
    assert rows["precision of the first 50"][:2] == [f"{value:.4f}" for value in precisions]


def test_separation_is_told_beside_the_code_length_if_there_is_any(found: Evaluation) -> None:
    figures = found.as_dict()
    told = f"share no label: at least {figures['dissimilar_min']} of 8 bits, 1st percentile {figures['dissimilar_p1']}."
    assert told in render_figures(figures, found.curves())
    assert "share no label" not in render_figures(REPORT["evaluation"], {})


def test_every_label_has_a_row_beside_its_share_of_items(found: Evaluation) -> None:
    rows = cells(render_labels(found.curves()))
    assert rows.keys() > {"cat", "dog", "bus", "car"}
    i2t, t2i = found.i2t.per_label["dog"], found.t2i.per_label["dog"]
    assert rows["dog"] == [f"{value:.4f}" for value in (i2t, t2i, (i2t + t2i) / 2, found.label_share["dog"])]


def test_labels_stand_in_the_report_and_not_in_its_summary(found: Evaluation) -> None:
    report = REPORT | {"evaluation": found.as_dict(), "curves": found.curves()}
    assert "| dog " in render_report(report, METRICS)
    assert "| dog " not in render_summary(report)


def test_a_report_from_before_there_were_curves_has_no_labels() -> None:
    assert render_labels({}) == ""
    assert "bearers" not in render_report(REPORT, METRICS)
