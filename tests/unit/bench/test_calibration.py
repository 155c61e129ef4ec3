"""How calibrations are judged: what hits there are, what was promised, and what stands on the page."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from bench.calibration import main
from bench.calibration_lines import find_runs, fit_digest, read_lines
from bench.calibration_page import BEGIN, END, write_page
from bench.calibration_run import Hits, calibration_error, error_by_promise, find_hits, judge, least_error
from model.calibration import MODALITY_PAIRS
from model.codes import hamming_distances, pack_codes
from model.errors import ConfigError
from tests.builders import small_calibration
from tests.run_records import made_up_report, run_config, write_run
from tests.training_fixtures import random_labels
from training.evaluation import LabelledCodes


def hits_of(*rows: tuple[int, ...]) -> Hits:
    """Returns hits of one query a row, half of them relevant."""
    everything = np.array(rows, np.float64)
    return Hits(everything, everything / 2)


def measured_line(setting: str = "new items", **changes: object) -> dict[str, object]:
    found = judge(small_calibration(), {("image", "text"): hits_of((4, 2, 0, 0, 0, 0, 0, 0, 6))}, with_curve=True)
    facts = {"run": "hero/x", "method": "hero", "noise": 0.5, "bits": 8, "seed": 1, "data": "made up", "settings": {setting: found}}
    return {**facts, **changes}


@pytest.mark.parametrize("pair", MODALITY_PAIRS)
def test_hits_of_all_four_directions_are_those_of_a_slow_loop(pair: tuple[str, str]) -> None:
    rng = np.random.default_rng(0)
    query, index = (LabelledCodes(rng.normal(size=(n, 8)), rng.normal(size=(n, 8)), random_labels(n, n)) for n in (4, 6))
    hits = find_hits(query, index)[pair]
    distances = hamming_distances(pack_codes(getattr(query, pair[0]) >= 0), pack_codes(getattr(index, pair[1]) >= 0))
    slow = np.zeros((2, 4, 9))
    for i, j in product(range(4), range(6)):
        slow[:, i, distances[i, j]] += (1, (query.labels[i] & index.labels[j]).any())
    assert hits.everything.tolist() == slow[0].tolist()
    assert hits.relevant.tolist() == slow[1].tolist()


def test_the_error_weighs_distances_by_their_hits() -> None:
    hits = Hits(np.array([[3.0, 1.0]]), np.array([[3.0, 0.0]]))
    assert calibration_error(np.array([0.9, 0.5]), hits) == pytest.approx(0.75 * 0.1 + 0.25 * 0.5)


def test_hits_of_the_same_promise_count_together() -> None:
    hits = Hits(np.array([[3.0, 1.0, 4.0]]), np.array([[3.0, 0.0, 1.0]]))
    promised = np.array([0.7, 0.7, 0.5])
    assert error_by_promise(promised, hits) == pytest.approx(0.5 * abs(0.7 - 0.75) + 0.5 * abs(0.5 - 0.25))
    assert error_by_promise(promised, hits) < calibration_error(promised, hits)


@pytest.mark.parametrize("seed", range(5))
def test_the_least_error_is_that_of_the_best_falling_curve_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(0, 5, 5).astype(np.float64) + np.eye(5)[2]
    hits = Hits(n[None], rng.integers(0, n + 1).astype(np.float64)[None])
    shares = np.unique(hits.relevant[0][n > 0] / n[n > 0])
    curves = (np.array(curve) for curve in product(shares, repeat=5) if all(a >= b for a, b in pairwise(curve)))
    assert least_error(hits) == pytest.approx(min(calibration_error(curve, hits) for curve in curves))


def test_the_first_hits_share_ties_evenly() -> None:
    first = hits_of((2, 4, 9)).first(4)
    assert first.everything.tolist() == [[2, 2, 0]]
    assert first.relevant.tolist() == [[1, 1, 0]]


def test_a_promise_counts_what_lies_within_its_radius() -> None:
    found = judge(small_calibration(), {("image", "text"): hits_of((4, 2, 0, 0, 0, 0, 0, 0, 6), (0, 0, 0, 0, 0, 0, 0, 0, 1))})
    promises = {each["wanted"]: each for each in found["image-text"]["promises"]}
    assert (promises[0.95]["radius"], promises[0.95]["n_hits"], promises[0.95]["precision"]) == (1, 6, 0.5)
    assert promises[0.95]["share_answered"] == 0.5
    assert found["image-text"]["curve"] == {}


def test_where_nothing_reaches_a_precision_nothing_is_answered() -> None:
    calibration = small_calibration()
    hits = {("image", "text"): hits_of((0, 0, 0, 0, 0, 0, 0, 0, 6))}
    promise = judge(calibration, hits)["image-text"]["promises"][-1]
    assert (promise["precision"], promise["n_hits"], promise["share_answered"]) == (None, 0, 0.0)


def test_the_page_keeps_what_stands_around_the_measured_part(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_page([measured_line(), measured_line(settings={})], page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "1 runs on made up, four directions each; 1 others have no validation pairs" in text
    svg = (tmp_path / "images" / "reliability-hero-8-noise0.5.svg").read_text()
    assert svg.count("<circle") == 3
    write_page([measured_line(), measured_line(settings={})], page)
    assert page.read_text() == text


def test_a_page_without_its_marks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("nothing")
    with pytest.raises(ConfigError, match="lacks"):
        write_page([measured_line()], tmp_path / "page.md")


def test_a_page_of_two_versions_of_the_fit_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}{END}")
    with pytest.raises(ConfigError, match="another version of the fit"):
        write_page([measured_line(fit="old"), measured_line(run="hero/y", fit=fit_digest())], page)


def test_the_page_says_who_misses_and_whether_any_falling_curve_would_do(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}{END}")
    write_page([measured_line()], page)
    assert "| hero | 0.5 | 1 of 1 | 0 | 1 | 8 (1) |" in page.read_text()


def test_a_torn_line_is_passed_over_and_the_later_one_of_a_run_counts(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"run": "a"}\n{"run": "a", "fit": "new"}\n{"run": "b')
    assert read_lines(tmp_path / "lines") == [{"run": "a", "fit": "new"}]
    assert read_lines(tmp_path / "none") == []


def test_finished_runs_are_found_first_seeds_first(tmp_path: Path) -> None:
    for name in ("itq/noise0.5-bits64-seed2", "itq/noise0-bits64-seed1", "hero/noise0.5-bits64-seed1"):
        config = run_config()
        write_run(tmp_path / name, config, made_up_report(config, 0.5))
    write_run(tmp_path / "itq/noise0.2-bits64-seed1", run_config(), None)
    names = [name for name, _ in find_runs(tmp_path)]
    assert names == ["hero/noise0.5-bits64-seed1", "itq/noise0-bits64-seed1", "itq/noise0.5-bits64-seed2"]


def test_a_folder_without_runs_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    assert main(["--out", str(tmp_path / "lines"), "--write", str(page)]) == 2
    assert "nothing was measured" in capsys.readouterr().err
