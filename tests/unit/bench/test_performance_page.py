import json
from argparse import Namespace

import pytest

from bench.__main__ import twice_slower
from bench.machine import environment, machine, versions
from bench.performance_page import page, read_results
from bench.result import Plot, Result, measure, to_json
from bench.tables import cell
from bench.targets import BY_KEY, TARGETS, regressions
from bench.timing import Spread
from model.errors import ConfigError


def result(given: Namespace) -> Result:
    found = Result("evaluate", "Evaluation", {"n_query": 2000, "seen": given.size})
    found.add("mAP", way="histograms", ms=Spread(1.5, 1.25, 2.0, 5), n=3)
    found.reach("map_at_all", Spread(50.0, 48.0, 52.0, 5))
    found.beat("mAP", "sort loop", Spread(50.0, 48.0, 52.0, 5))
    found.beat("mAP", "a quicker one", Spread(0.5, 0.4, 0.6, 5))
    found.near("mAP", "sgemm", Spread.exactly(0.25))
    found.limits["sgemm, GFLOP/s"] = Spread.exactly(120.0)
    found.plots.append(Plot("mAP", "n", "s", {"ours": [(1, 2.0), (10, 3.0)], "loop": [(1, 9.0), (10, 99.0)]}, log="xy"))
    return found


def test_a_script_prints_markdown_and_writes_json_that_names_machine_and_versions(tmp_path, capsys):
    assert measure("Docs.", result, arguments=["--size", "check", "--out", str(tmp_path)]) == 0
    assert "| histograms | 1.5 (1.25–2) | 3 |" in capsys.readouterr().out
    found = json.loads((tmp_path / "evaluate.json").read_text())
    assert (found["schema"], found["name"], found["size"], found["settings"]["seen"]) == (1, "evaluate", "check", "check")
    assert {"cpu", "cores", "flags", "ram_gib"} <= found["machine"].keys()
    assert {"python", "numpy"} <= found["versions"].keys()
    assert found["targets"]["map_at_all"] == {"value": 50.0, "low": 48.0, "high": 52.0, "n": 5}


def test_the_page_judges_every_target_says_where_a_peer_wins_and_draws_the_same_plot_again(tmp_path):
    found = [json.loads(json.dumps(to_json(result(Namespace(size="bench")), "bench", 61.0)))]
    written = page(found, tmp_path)
    assert "| mAP@all, 2,000 queries × 18,000 items | × a sort a query | ≥ 40 | ≥ 70 | 50 (48–52) | met |" in written
    assert written.count("not measured") == len(TARGETS) - 1
    assert "| mAP | a quicker one | 2 | yes |" in written
    assert "| mAP | sgemm | 0.25 |" in written
    drawn = (tmp_path / "images/performance/evaluate-1.svg").read_bytes()
    assert page(found, tmp_path) == written
    assert (tmp_path / "images/performance/evaluate-1.svg").read_bytes() == drawn


def test_results_of_another_schema_are_refused_and_absent_ones_passed_over(tmp_path):
    (tmp_path / "train.json").write_text('{"schema": 0}')
    assert read_results(tmp_path, ["limits"]) == []
    with pytest.raises(ConfigError, match=r"train\.json"):
        read_results(tmp_path, ["limits", "train"])


@pytest.mark.parametrize(
    ("key", "value", "verdict"),
    [
        ("map_at_all", 71.0, "aim reached"),
        ("map_at_all", 39.0, "**missed**"),
        ("memory_flat", 24.0, "aim reached"),
        ("memory_flat", 33.0, "**missed**"),
        ("search_exponent", 0.4, "short of the aim"),
        ("train_wide", None, "not measured"),
    ],
)
def test_a_target_is_judged_by_its_direction(key, value, verdict):
    assert BY_KEY[key].verdict(value) == verdict


def test_a_ratio_below_its_bound_is_told_in_one_line_and_what_is_no_ratio_is_not_checked():
    found = {"map_at_all": {"value": 5.0}, "worst_few": {"value": 1.0}, "fsync": {"value": 9e9}, "open_10m": {"value": 9e9}}
    assert regressions(found) == ["mAP@all, 2,000 queries × 18,000 items: 5 × a sort a query, must be at least 6 (map_at_all)"]


@pytest.mark.parametrize(("second", "n_told"), [(5.0, 1), (30.0, 0)])
def test_a_check_fails_by_what_is_below_its_bound_twice(tmp_path, second, n_told):
    def wrote(value):
        found = {"schema": 1, "name": "evaluate", "targets": {"map_at_all": {"value": value}}}
        (tmp_path / "evaluate.json").write_text(json.dumps(found))
        return found

    asked = []
    told = twice_slower(tmp_path, [wrote(4.0)], lambda name: asked.append(name) or wrote(second))
    assert (asked, len(told)) == (["evaluate"], n_told)


def test_no_bound_of_a_check_is_harder_than_the_least():
    assert [t.key for t in TARGETS if t.check is not None and t.least is not None and not t.reaches(t.least, t.check)] == []


def test_numbers_are_written_with_three_digits():
    assert [cell(value) for value in (0.12345, 12.345, 123456.7, 1234567, "x", True)] == [
        "0.123",
        "12.3",
        "123,457",
        "1,234,567",
        "x",
        "True",
    ]


def test_scripts_run_with_the_threads_that_are_said_and_the_machine_is_described():
    assert environment(2, {"PATH": "p", "OMP_NUM_THREADS": "9"})["OMP_NUM_THREADS"] == "2"
    assert machine()["cores"] >= 1
    assert "pytest" in versions("pytest", "surely-absent")
