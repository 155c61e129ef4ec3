"""The page holds every table and plot, stands alone, leaves data alone, and comes out the same each time."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from model.errors import ConfigError
from tests.run_records import made_up_curves, made_up_report, run_config, write_run
from tests.training_fixtures import LABEL_NAMES
from training.__main__ import main
from training.comparison import load_runs
from training.comparison.page import render_page

HOSTILE = ("<script>alert(1)</script>", "$x_1", "_hidden", "狗", *LABEL_NAMES)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs")
    for margin, rate, n_bits in ((0.2, 0.0, 16), (0.2, 0.5, 16), (0.3, 0.5, 16), (0.3, 0.0, 32)):
        config = run_config(f"method.options.margin={margin}", f"noise.rate={rate}", f"training.n_bits={n_bits}")
        curves = {"curves": made_up_curves(0.7, HOSTILE)} if rate else {}
        report = made_up_report(config, 0.7 + margin / 10, **curves)
        write_run(folder / f"{margin}-{rate}-{n_bits}", config, report, data="photos </title><script>alert(2)</script>")
    write_run(folder / "<img src=x>", run_config(), None, data="photos </title><script>alert(2)</script>")
    return folder


@pytest.fixture(scope="module")
def page(runs: Path) -> str:
    return render_page(load_runs([runs]), baseline="scbch (margin=0.2)")


def test_names_and_labels_are_data_on_the_page(page: str) -> None:
    assert page.count("<script>") == page.count("</script>") == 1
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert all(label in page for label in HOSTILE[1:])


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    addresses = re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)|@import", page)
    assert addresses
    assert {place[0] for found in addresses if (place := found[0] or found[1])} == {"#"}


def test_plots_and_legend_have_no_ground_of_their_own(page: str) -> None:
    assert "fill: #ffffff" not in page


def test_a_page_that_cannot_be_written_is_named(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(runs), "--out", str(tmp_path), "--markdown", str(tmp_path / "compare.md")]) == 2
    assert f"error: {tmp_path}: cannot be written: Is a directory" in capsys.readouterr().err


def test_every_plot_is_sound_and_no_id_occurs_twice(page: str) -> None:
    svgs = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(svgs) == 2 + 2 + 2 + 3  # legend; noise, bits; validation at two lengths; three kinds that need curves
    for svg in svgs:
        ET.fromstring(svg)  # noqa: S314
    ids = Counter(re.findall(r"\bid=\"([^\"]+)\"", page))
    assert [name for name, count in ids.items() if count > 1] == []
    assert {anchor for anchor in re.findall(r"<a href=\"#([^\"]+)\"", page) if anchor not in ids} == set()


def test_plots_take_the_colours_of_the_page(page: str) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    assert {"var(--ink)", "var(--line)", "var(--muted)", "var(--series-0)", "var(--series-1)"} <= set(
        re.findall(r"var\([^)]+\)", drawn)
    )
    assert re.findall(r"#0[1-4]0[0-9a-f]{3}", drawn) == []


def test_tables_show_values_differences_and_what_is_not_counted(page: str) -> None:
    assert re.search(r'best"><span class="mean">0\.730</span>', page)
    assert "difference to scbch (margin=0.2) in points, paired by seed" in page
    assert '<span class="mean">+1.0</span>' in page
    assert "1 run is not finished and not counted" in page
    assert "<code>method.options.margin</code>" in page


def test_runs_without_curves_or_repetition_give_a_page_without_those_plots(tmp_path: Path) -> None:
    config = run_config()
    write_run(tmp_path / "run", config, made_up_report(config, 0.7))
    found = render_page(load_runs([tmp_path]))
    assert set(re.findall(r'id="s1-plot-(\w+)"', found)) == {"validation"}
    assert "not finished" not in found


def test_the_command_writes_both_files_the_same_each_time(
    runs: Path, page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "page.html"
    assert main(["compare", str(runs), "--out", str(out), "--baseline", "scbch (margin=0.2)"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {"page": str(out), "markdown": str(out.with_suffix(".md")), "n_runs": 4, "n_unfinished": 1}
    assert "### mAP@all" in out.with_suffix(".md").read_text(encoding="utf-8")
    assert out.read_text(encoding="utf-8") == page


def test_the_command_refuses_folders_without_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(tmp_path), "--out", str(tmp_path / "page.html")]) == 2
    assert "holds no run" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_an_unknown_baseline_is_refused(runs: Path) -> None:
    with pytest.raises(ConfigError, match="--baseline itq: no such method"):
        render_page(load_runs([runs]), baseline="itq")
