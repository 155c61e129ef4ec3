"""A page of results: which tables it has, what stands beside them, and the same numbers for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run_records import made_up_report, run_config, write_run
from training.comparison import RunRecord, cell_records, load_runs, render_overview

METHODS = ("scbch", "rmsh", "itq")
FIGURES = {"i2t_recall_at_10": 0.1, "t2i_recall_at_10": 0.3, "dissimilar_p1": 9, "chance_recall_at_10": 0.005}


@pytest.fixture
def runs(tmp_path: Path) -> list[RunRecord]:
    """Three methods at 16 and 64 bits and noise .5, two seeds; SCBCH at 64 bits by the reference's protocol, too."""
    for place, method in enumerate(METHODS):
        for n_bits in (16, 64):
            for seed in (1, 2):
                value = 0.7 + 0.01 * place + 0.001 * n_bits + 0.02 * seed
                write(tmp_path, value, f"method.name={method}", f"training.n_bits={n_bits}", seed=seed)
    write(tmp_path, 0.8, "training.n_bits=64", "training.selection=query", "training.patience=30")
    return load_runs([tmp_path])


def write(folder: Path, value: float, *overrides: str, seed: int = 1, **changes: Any) -> None:
    config = run_config("noise.rate=0.5", *overrides, seed=seed)
    report = made_up_report(config, value, selection=config.training.selection, **changes)
    report["evaluation"] |= FIGURES
    write_run(folder / "-".join([*(each.replace("=", "") for each in overrides), str(seed)]), config, report)


def parts(text: str) -> dict[str, list[str]]:
    """Returns the rows of each table, its head first, by the heading above it."""
    blocks = [block.partition("\n") for block in text.split("### ")[1:]]
    return {heading: [row for row in rest.splitlines() if row.startswith("| ")] for heading, _, rest in blocks}


def test_the_tables_come_in_the_order_of_interest(runs: list[RunRecord]) -> None:
    assert list(parts(render_overview(runs, baseline="scbch", compared=["rmsh"]))) == [
        "mAP, mean of image → text and text → image",
        "Difference to scbch in points, paired by seed",
        "mAP by direction",
        "Other figures at 64 bits, mean of both directions",
    ]


def test_the_first_table_has_a_row_a_method_and_the_average(runs: list[RunRecord]) -> None:
    head, *rows = next(iter(parts(render_overview(runs)).values()))
    assert head == "| noise | method | 16 bits | 64 bits | average |"
    assert rows[0] == "| 0.5 | itq | **0.766 ± 0.014** | **0.814 ± 0.014** | **0.790 ± 0.014** |"
    assert [row.split(" | ")[1] for row in rows[1:]] == [
        "rmsh (reconstructed from the abstract)",
        "scbch",
        "scbch (epoch chosen on query, the reference's protocol)",
    ]


def test_differences_are_those_of_the_compared_methods_and_of_the_other_protocol(runs: list[RunRecord]) -> None:
    _, *rows = parts(render_overview(runs, baseline="scbch", compared=["rmsh"]))["Difference to scbch in points, paired by seed"]
    assert rows == [
        "| 0.5 | rmsh (reconstructed from the abstract) | +1.0 ± 0.0 | +1.0 ± 0.0 | +1.0 ± 0.0 |",
        "| 0.5 | scbch (epoch chosen on query, the reference's protocol) | — | +1.6 (n = 1) | — |",
    ]


def test_a_baseline_without_runs_has_no_differences(runs: list[RunRecord]) -> None:
    text = render_overview([run for run in runs if run.method == "itq"], baseline="scbch", compared=["itq"])
    assert "Difference" not in text
    assert "| 0.5 | itq |" in text


def test_directions_stand_in_a_table_of_their_own(runs: list[RunRecord]) -> None:
    head, *rows = parts(render_overview(runs))["mAP by direction"]
    assert head == "| noise | method | direction | 16 bits | 64 bits | average |"
    assert rows[0].startswith("| 0.5 | itq | image → text | **0.756")
    assert rows[1].startswith("| 0.5 | itq | text → image | **0.776")


def test_other_figures_stand_at_one_length_with_their_chance(runs: list[RunRecord]) -> None:
    text = render_overview(runs)
    head, first, *_ = parts(text)["Other figures at 64 bits, mean of both directions"]
    assert head.startswith(
        "| noise | method | mAP@50 | NDCG@50 | Recall@10 of the true partner | Distance of dissimilar pairs, 1st"
    )
    assert first == "| 0.5 | itq | **0.814 ± 0.014** | **0.814 ± 0.014** | **0.200 ± 0.000** | 9.0 ± 0.0 |"
    assert "By chance: Recall@10 of the true partner 0.005." in text
    assert "Other figures" not in render_overview(runs, n_bits=32)


def test_the_facts_come_first_and_unfinished_runs_are_counted_last(runs: list[RunRecord], tmp_path: Path) -> None:
    write_run(tmp_path / "torn", run_config(seed=7), None)
    text = render_overview(load_runs([tmp_path]))
    assert text.startswith(f"photos; queries 2000; database 14015; chance 0.480; seeds 1, 2; runs {len(runs)}.")
    assert text.endswith(f"Not finished, not counted: 1 of {len(runs) + 1} runs.")


def test_no_finished_run_is_said(tmp_path: Path) -> None:
    write_run(tmp_path / "torn", run_config(), None)
    assert "No run is finished." in render_overview(load_runs([tmp_path]))
    assert render_overview([]) == "No run is finished."


def test_other_data_have_a_heading(runs: list[RunRecord], tmp_path: Path) -> None:
    write_run(tmp_path / "other", run_config(), made_up_report(run_config(), 0.7), data="paintings", digest="b")
    assert "## paintings\n" in render_overview(load_runs([tmp_path]))


def test_patience_parts_rows_only_where_the_epoch_is_chosen_alike(runs: list[RunRecord], tmp_path: Path) -> None:
    assert "patience" not in render_overview(runs)
    write(tmp_path, 0.7, "training.patience=3")
    assert "scbch (patience=3)" in render_overview(load_runs([tmp_path]))


def test_every_cell_is_a_record(runs: list[RunRecord]) -> None:
    key = {"method": "itq", "metric": "map", "direction": "mean"}
    found = [record for record in cell_records(runs) if key.items() <= record.items()]
    assert [(record["n_bits"], record["n"]) for record in found] == [(16, 2), (64, 2), (None, 2)]
    assert (found[1]["mean"], found[1]["sd"]) == pytest.approx((0.814, 0.0141421), abs=1e-6)
    assert all(record["sd"] is None for record in cell_records(runs) if record["n"] == 1)
