"""The results table: which cell a run lands in, how seeds are joined, and where the table is put."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.noise_bits_table import Setting, render_table, write_between_marks
from training.config import RunConfig


def _finished(noise_rate: float, n_bits: int, seed: int, i2t: float) -> tuple[Setting, dict[str, object]]:
    evaluation = {"i2t_map": i2t, "t2i_map": i2t + 0.1, "mean_map": i2t + 0.05, "chance": 0.25, "n_query": 7, "n_database": 70}
    return Setting(noise_rate, n_bits, seed), {"evaluation": evaluation}


def test_a_cell_is_the_mean_and_sample_deviation_over_seeds() -> None:
    table = render_table([_finished(0.5, 64, 1, 0.70), _finished(0.5, 64, 2, 0.74)], RunConfig())
    assert "| 0.5 | image → text | 0.720 ± 0.028 |" in table
    assert "| 0.5 | text → image | 0.820 ± 0.028 |" in table
    assert "7 queries, 70 items; chance 0.250" in table


def test_one_seed_has_no_deviation_and_a_missing_run_leaves_a_dash() -> None:
    table = render_table([_finished(0.0, 16, 1, 0.6), _finished(0.8, 32, 1, 0.5)], RunConfig())
    assert "| 0 | image → text | 0.600 | — |" in table
    assert "| 0.8 | image → text | — | 0.500 |" in table


def test_a_seed_decides_noise_cut_and_initialisation() -> None:
    overrides = Setting(0.2, 32, 5).overrides()
    assert {"noise.seed=5", "training.seed=5", "noise.rate=0.2", "training.n_bits=32"} == set(overrides)


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text("before\n<!-- noise × bits: begin -->\nold\n<!-- noise × bits: end -->\nafter\n", encoding="utf-8")
    write_between_marks(page, "new")
    assert page.read_text(encoding="utf-8") == "before\n<!-- noise × bits: begin -->\nnew\n<!-- noise × bits: end -->\nafter\n"


def test_a_page_without_marks_is_refused_and_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text("nothing here", encoding="utf-8")
    with pytest.raises(ValueError, match="noise × bits: begin"):
        write_between_marks(page, "new")
    assert page.read_text(encoding="utf-8") == "nothing here"
