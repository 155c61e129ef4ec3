"""The results table: which runs it asks for and in which order, and where it is put."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.methods_table import FULL, REFERENCE, SLICE, Cell, main, plan_cells, put_between_marks
from model.errors import ConfigError
from tests.run_records import made_up_report, write_run
from training.methods import METHODS

MARKS = ("<!-- methods × noise × bits: begin -->", "<!-- methods × noise × bits: end -->")


def finished(out: Path, cell: Cell, value: float) -> None:
    config = cell.config()
    write_run(out / cell.path, config, made_up_report(config, value, selection=config.training.selection))


def test_every_method_has_its_place_and_a_configuration() -> None:
    cells = plan_cells(FULL, SLICE, [1], reference=True)
    assert {cell.config().method.name for cell in cells} == set(METHODS)
    assert {cell.config().data.caption_words for cell in cells} == {0}  # all learn the same labels


def test_full_methods_get_the_whole_grid_and_others_a_cross() -> None:
    places = {
        name: {(c.noise_rate, c.n_bits) for c in plan_cells(["scbch"], ["itq"], [1]) if c.name == name} for name in ("scbch", "itq")
    }
    assert places["scbch"] == {(rate, n) for rate in (0, 0.2, 0.5, 0.8) for n in (16, 32, 64, 128)}
    assert places["itq"] == {(rate, 64) for rate in (0, 0.2, 0.5, 0.8)} | {(0.5, n) for n in (16, 32, 64, 128)}


def test_every_cell_comes_before_any_seed_is_repeated_and_64_bits_come_first() -> None:
    cells = plan_cells(["scbch"], ["itq", "scbch"], [3, 1])
    assert [cell.seed for cell in cells] == [3] * 23 + [1] * 23
    assert [cell.n_bits for cell in cells[:9]] == [64] * 8 + [16]
    assert len(cells) == len(set(cells))


def test_the_reference_protocol_chooses_on_query_at_64_bits() -> None:
    cells = [cell for cell in plan_cells([], [], [1], reference=True) if cell.name == REFERENCE]
    assert sorted((cell.noise_rate, cell.n_bits) for cell in cells) == [(0.0, 64), (0.5, 64), (0.8, 64)]
    training = cells[0].config().training
    assert (training.selection, training.patience, cells[0].config().method.name) == ("query", 30, "scbch")


def test_a_seed_decides_noise_cut_and_initialisation() -> None:
    cell = Cell("scbch", 0.2, 32, 5)
    config = cell.config(["training.epochs=3"])
    assert cell.path == "scbch/noise0.2-bits32-seed5"
    assert (config.noise.rate, config.noise.seed, config.training.seed, config.training.n_bits) == (0.2, 5, 5, 32)
    assert (config.training.precision, config.training.alarms, config.training.epochs) == ("medium", "warn", 3)


def test_the_report_puts_tables_into_the_document_and_cells_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (1, 2):
        finished(tmp_path / "runs", Cell("scbch", 0.5, 64, seed), 0.7 + 0.02 * seed)
    finished(tmp_path / "runs", Cell(REFERENCE, 0.5, 64, 1), 0.8)
    page = tmp_path / "results.md"
    page.write_text("before\n{}\nold\n{}\nafter\n".format(*MARKS), encoding="utf-8")
    files = ["--write", str(page), "--summary", str(tmp_path / "cells.json")]
    assert main(["--out", str(tmp_path / "runs"), "--report-only", *files]) == 0
    text = page.read_text(encoding="utf-8")
    assert "| 0.5 | scbch | 0.730 ± 0.014 |" in text
    assert "| 0.5 | scbch (epoch chosen on query, the reference's protocol) | +8.0 (n = 1) |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert capsys.readouterr().out.strip() in text
    assert {"method": "scbch", "n": 2, "metric": "map"}.items() <= json.loads((tmp_path / "cells.json").read_text())[0].items()


def test_a_document_is_left_alone_while_nothing_is_finished(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "torn", Cell("scbch", 0.5, 64, 1).config(), None)
    page = tmp_path / "results.md"
    page.write_text("{}\nold\n{}".format(*MARKS), encoding="utf-8")
    assert main(["--out", str(tmp_path / "runs"), "--report-only", "--write", str(page)]) == 0
    assert "old" in page.read_text(encoding="utf-8")


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    (begin, end), page = MARKS, tmp_path / "page.md"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n", encoding="utf-8")
    assert put_between_marks(page, "methods × noise × bits", "new") == f"before\n{begin}\nnew\n{end}\nafter\n"


def test_a_document_without_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"page\.md lacks the marks <!-- ablation: begin"):
        put_between_marks(page, "ablation", "new")


def test_a_document_without_marks_is_refused_before_any_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "results.md"
    page.write_text("nothing here", encoding="utf-8")
    assert main(["--data", str(tmp_path / "gone"), "--out", str(tmp_path / "runs"), "--write", str(page)]) == 2
    assert "lacks the marks" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_runs_need_data(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path)])


def test_a_method_without_a_configuration_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "runs"), "--full", "nothing"]) == 2
    assert "training/configs/nothing.toml: cannot be read" in capsys.readouterr().err
