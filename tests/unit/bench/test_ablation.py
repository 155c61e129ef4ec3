"""The ablation: every variant is a run of its own, differs from the method in what it says, and lands in its cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.ablation import VARIANTS, main, render, tasks_of

WHOLE = "all of it"


def test_every_variant_is_trained_at_every_noise_rate_in_a_folder_of_its_own() -> None:
    tasks = tasks_of(Path("runs"), [1, 2], 32)
    assert len({task.path for task in tasks.values()}) == len(tasks) == len(VARIANTS) * 3 * 2
    assert {task.config.training.n_bits for task in tasks.values()} == {32}


def test_a_variant_differs_from_the_whole_method_and_from_the_others() -> None:
    tasks = tasks_of(Path("runs"), [1], 64)
    found = {variant: tasks[variant, 0.5, 1].config for variant in VARIANTS}
    noise_models = [found[name].method.checked_options().noise_model for name in (WHOLE, "given labels taken for true (no 1)")]
    assert noise_models == ["auto", "none"]
    assert len({config.to_toml() for config in found.values()}) == len(VARIANTS)


def test_a_seed_decides_noise_cut_and_initialisation() -> None:
    config = tasks_of(Path("runs"), [7], 64)[WHOLE, 0.8, 7].config
    assert (config.noise.seed, config.training.seed, config.noise.rate) == (7, 7, 0.8)


def test_a_cell_is_mean_and_deviation_over_seeds_and_a_missing_run_a_dash() -> None:
    table = render({(WHOLE, 0.5, 1): 0.80, (WHOLE, 0.5, 2): 0.82, ("all heads begin from beliefs", 0.8, 1): 0.7}, 64)
    assert "| all of it | 0.810 ± 0.014 | — |" in table
    assert "| all heads begin from beliefs | — | 0.700 |" in table
    assert "seeds 1, 2" in table


@pytest.mark.parametrize(
    ("data", "document", "told"),
    [("gone", "marks", "gone: is not a folder"), (".", "none", "lacks the marks <!-- ablation: begin -->")],
)
def test_mistakes_are_told_before_any_run_begins(
    data: str, document: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "marks").write_text("<!-- ablation: begin -->\nkept\n<!-- ablation: end -->")
    (tmp_path / "none").touch()
    arguments = ["--data", str(tmp_path / data), "--out", str(tmp_path / "runs"), "--write", str(tmp_path / document)]
    assert main(arguments) == 2
    assert told in capsys.readouterr().err
    assert "kept" in (tmp_path / "marks").read_text()
    assert not (tmp_path / "runs").exists()
