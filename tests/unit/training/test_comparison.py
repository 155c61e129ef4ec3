"""Runs are grouped by everything but seeds; means, spreads and paired differences are those of the reports; none is lost."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from model.errors import ConfigError
from tests.run_records import made_up_curves, made_up_report, run_config, write_run
from training.comparison import load_runs, render_markdown
from training.comparison.groups import Row, Section, baseline_label, group_runs
from training.comparison.runs import RunRecord
from training.comparison.tables import AVERAGE, METRICS, difference_lines, metric_lines

MAP = METRICS[0]


def write(folder: Path, value: float, *overrides: str, seed: int = 1, data: dict[str, str] | None = None, **changes: Any) -> None:
    config = run_config(*overrides, seed=seed)
    name = "-".join(
        [*(each.replace("=", "") for each in overrides), str(seed), *(data or {}).values(), *map(str, changes.values())]
    )
    write_run(folder / name.replace("/", ""), config, made_up_report(config, value, **changes), **(data or {}))


def only_section(folder: Path) -> Section:
    (section,) = group_runs(load_runs([folder]))
    return section


def table(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def test_a_cell_is_mean_and_sample_standard_deviation_over_seeds(tmp_path: Path) -> None:
    values = {1: 0.70, 2: 0.72, 3: 0.77}
    for seed, value in values.items():
        write(tmp_path, value, seed=seed)
    stat = metric_lines(only_section(tmp_path), MAP)[0].stats[64]
    assert stat is not None
    assert (stat.mean, stat.sd, stat.n) == pytest.approx((0.73, statistics.stdev(values.values()), 3))


def test_markdown_has_a_row_for_each_direction_and_a_column_for_each_length(tmp_path: Path) -> None:
    for n_bits, value in ((64, 0.8), (16, 0.7)):
        for seed in (1, 2):
            write(tmp_path, value + 0.01 * seed, f"training.n_bits={n_bits}", "noise.rate=0.5", seed=seed)
    head, *rows = table(render_markdown(load_runs([tmp_path])))
    assert head == ["noise", "method", "direction", "16 bits", "64 bits", "average"]
    assert rows[0] == ["0.5", "scbch", "mean of both", "0.715 ± 0.007", "0.815 ± 0.007", "0.765 ± 0.007"]
    assert [row[2:4] for row in rows[1:]] == [["image → text", "0.705 ± 0.007"], ["text → image", "0.725 ± 0.007"]]


def test_markdown_says_what_is_to_be_known_beside_the_numbers(tmp_path: Path) -> None:
    write(tmp_path, 0.7, seed=4)
    assert "photos; queries 2000; database 14015; chance 0.480; seeds 4; runs 1." in render_markdown(load_runs([tmp_path]))


def test_runs_that_differ_in_a_setting_are_not_averaged(tmp_path: Path) -> None:
    write(tmp_path, 0.7, "method.options.margin=0.2")
    write(tmp_path, 0.8, "method.options.margin=0.3")
    rows = only_section(tmp_path).rows
    assert [row.label for row in rows] == ["scbch (margin=0.2)", "scbch (margin=0.3)"]
    assert only_section(tmp_path).differing == {"method.options.margin": {rows[0].label: "0.2", rows[1].label: "0.3"}}


def test_settings_without_effect_on_the_figures_do_not_part_runs(tmp_path: Path) -> None:
    write(tmp_path, 0.7, "training.threads=1", seed=1)
    write(tmp_path, 0.8, "training.threads=4", "bundle.origin=here", seed=2)
    assert [row.label for row in only_section(tmp_path).rows] == ["scbch"]


def test_an_epoch_chosen_on_query_stands_in_a_row_of_its_own_and_is_never_the_best(tmp_path: Path) -> None:
    for margin, value in ((0.2, 0.7), (0.3, 0.71)):
        write(tmp_path, value, f"method.options.margin={margin}")
    write(tmp_path, 0.9, "method.options.margin=0.3", selection="query")
    lines = [line for line in metric_lines(only_section(tmp_path), MAP) if line.direction == "mean"]
    found = {line.row.label: stat.best for line in lines if (stat := line.stats[64])}
    assert found == {
        "scbch (margin=0.2)": False,
        "scbch (margin=0.3)": True,
        "scbch (margin=0.3; epoch chosen on query, the reference's protocol)": False,
    }


def test_values_that_look_alike_are_best_together_and_a_lonely_one_is_not(tmp_path: Path) -> None:
    write(tmp_path, 0.8001, "method.options.margin=0.2")
    write(tmp_path, 0.8002, "method.options.margin=0.3")
    write(tmp_path, 0.7, "method.options.margin=0.3", "noise.rate=0.5")
    cells = [row[3] for row in table(render_markdown(load_runs([tmp_path]))) if row[2] == "mean of both"]
    assert cells == ["**0.800**", "**0.800**", "0.700"]


def test_runs_on_other_data_stand_in_sections_of_their_own(tmp_path: Path) -> None:
    for seed, (name, digest) in enumerate((("photos", "a"), ("photos", "b"), ("moved", "a"), ("paintings", "c"))):
        write(tmp_path, 0.7, seed=seed, data={"data": name, "digest": digest})
    sections = group_runs(load_runs([tmp_path]))
    assert sorted(len(section.runs) for section in sections) == [1, 1, 2]
    assert "## paintings" in render_markdown(load_runs([tmp_path]))


def test_data_with_one_name_and_other_content_are_numbered(tmp_path: Path) -> None:
    for digest in "ab":
        write(tmp_path, 0.7, data={"digest": digest})
    assert [section.title for section in group_runs(load_runs([tmp_path]))] == ["photos (1)", "photos (2)"]


def test_unfinished_and_repeated_runs_are_listed(tmp_path: Path) -> None:
    write(tmp_path / "one", 0.7)
    write(tmp_path / "two", 0.9)
    write_run(tmp_path / "torn", run_config("training.epochs=30", seed=7), None)
    text = render_markdown(load_runs([tmp_path]))
    assert f"- {tmp_path.name}/torn: scbch, 64 bits, noise 0, seed 7: epoch 2 of 30" in text
    assert f"not counted:\n\n- {tmp_path.name}/two/1" in text
    assert table(text)[1][3] == "0.700"


def test_no_finished_run_is_said(tmp_path: Path) -> None:
    write_run(tmp_path / "torn", run_config(), None)
    assert "No run is finished." in render_markdown(load_runs([tmp_path]))


def test_differences_are_paired_by_seed(tmp_path: Path) -> None:
    """Seeds spread far more than methods differ; seed 9 has no partner and must not count."""
    base, other = {1: 0.60, 2: 0.70, 3: 0.80}, {1: 0.61, 2: 0.73, 3: 0.82, 9: 0.1}
    for margin, values in ((0.2, base), (0.3, other)):
        for seed, value in values.items():
            write(tmp_path, value, f"method.options.margin={margin}", seed=seed)
    lines = difference_lines(only_section(tmp_path), MAP, "scbch (margin=0.2)")
    stat = lines[0].stats[64]
    assert stat is not None
    assert (stat.mean, stat.sd, stat.n) == pytest.approx((2.0, 1.0, 3))
    assert {line.row.label for line in lines} == {"scbch (margin=0.3)"}


def test_the_average_counts_seeds_that_have_every_length(tmp_path: Path) -> None:
    for n_bits, seeds in ((16, (1, 2)), (32, (1, 2, 3))):
        for seed in seeds:
            write(tmp_path, 0.5 + 0.01 * n_bits + 0.001 * seed, f"training.n_bits={n_bits}", seed=seed)
    stat = metric_lines(only_section(tmp_path), MAP)[0].stats[AVERAGE]
    assert stat is not None
    assert (stat.mean, stat.n) == pytest.approx((0.5 + 0.24 + 0.0015, 2))


def test_a_cell_with_fewer_seeds_says_so_and_one_that_never_was_a_dash(tmp_path: Path) -> None:
    write(tmp_path, 0.7, seed=1)
    write(tmp_path, 0.7, seed=2)
    write(tmp_path, 0.6, "noise.rate=0.5", seed=1)
    write(tmp_path, 0.6, "training.n_bits=32", seed=1)
    rows = [row for row in table(render_markdown(load_runs([tmp_path]))) if row[2] == "mean of both"]
    assert [row[3:5] for row in rows] == [["0.600 (n = 1)", "0.700 ± 0.000"], ["—", "0.600 (n = 1)"]]


def test_figures_that_older_reports_lack_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, 0.7, seed=1)
    report = made_up_report(run_config(), 0.6)
    report["evaluation"] |= {"i2t_recall_at_10": 0.4, "t2i_recall_at_10": 0.6, "i2t_map": float("nan")}
    write_run(tmp_path / "new", run_config(seed=2), report)
    text = render_markdown(load_runs([tmp_path]), metrics=METRICS)
    assert "### Precision within radius 2" not in text
    recall = table(text.partition("### Recall@10 of the true partner")[2])[1]
    assert recall[3] == "0.500 (n = 1)"
    assert table(text)[1][3] == "0.700 (n = 1)"


@pytest.mark.parametrize(("asked", "label"), [("scbch", "scbch (margin=0.2)"), ("scbch (margin=0.2)", "scbch (margin=0.2)")])
def test_a_baseline_is_named_by_its_label_or_its_method(asked: str, label: str) -> None:
    sections = [section_of(label, "rmsh")]
    assert baseline_label(sections, asked) == label


@pytest.mark.parametrize(
    ("asked", "told"), [("itq", "no such method; there are: scbch (a=1); scbch (a=2)"), ("scbch", "more than one")]
)
def test_a_baseline_that_is_none_or_several_is_refused(asked: str, told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        baseline_label([section_of("scbch (a=1)", "scbch (a=2)")], asked)


def section_of(*labels: str) -> Section:
    return Section("photos", tuple(Row(label, 0.0, "validation", {}) for label in labels), (), (), {})


def test_rmsh_is_called_reconstructed_wherever_its_numbers_stand() -> None:
    run = RunRecord("r", {"method.name": "rmsh", "training.n_bits": 16}, {}, {"evaluation": {"i2t_map": 0.5, "t2i_map": 0.5}}, ())
    assert "| rmsh (reconstructed from the abstract) |" in render_markdown([run])


def test_a_run_of_another_version_is_read_as_it_stands(tmp_path: Path) -> None:
    write(tmp_path, 0.7)
    (file,) = tmp_path.rglob("config.toml")
    file.write_text(file.read_text().replace('name = "scbch"', 'name = "of-old"'))
    assert table(render_markdown(load_runs([tmp_path])))[1][1] == "of-old"


def test_folders_are_searched_to_any_depth_and_no_run_counts_twice(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "deeper", 0.7)
    runs = load_runs([tmp_path, tmp_path / "deep"])
    assert [run.name for run in runs] == [f"{tmp_path.name}/deep/deeper/1"]


def test_folders_without_runs_and_damaged_runs_are_all_named(tmp_path: Path) -> None:
    write(tmp_path / "bad", 0.7)
    next(tmp_path.rglob("report.json")).write_text("{")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError) as refused:
        load_runs([tmp_path / "empty", tmp_path / "bad", tmp_path / "gone"])
    assert [("holds no run" in each, "cannot be read" in each) for each in refused.value.mistakes] == [
        (True, False),
        (False, True),
        (True, False),
    ]


def test_labels_cannot_break_a_markdown_table(tmp_path: Path) -> None:
    config = run_config()
    write_run(tmp_path / "run", config, made_up_report(config, 0.7), data="a|b<script>\n*c*")
    assert "a\\|b&lt;script> \\*c\\*;" in render_markdown(load_runs([tmp_path]))


def test_curves_of_a_report_are_found_by_direction(tmp_path: Path) -> None:
    config = run_config()
    write_run(tmp_path / "run", config, made_up_report(config, 0.7, curves=made_up_curves(0.7)))
    (run,) = load_runs([tmp_path])
    assert run.curves("i2t")["precision_at"]["n"] == [1, 10, 100, 1000]
    assert RunRecord("r", {}, {}, json.loads('{"curves": null}'), ()).curves("i2t") == {}
