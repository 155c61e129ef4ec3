"""The trainer's commands with real backbones: from a folder of pictures to figures, and the same figures from the bundle."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.bundle import EncoderBundle
from model.served import ServedBundle
from tests.pair_folders import rows_of, write_image_folder
from training.__main__ import main

CONFIG = """
[features]
image_backbone = "efficientnet-lite0"
[method.options]
image_hidden = [16]
text_hidden = [16]
[training]
n_bits = 16
epochs = 3
batch_size = 8
validation_fraction = 0.3
"""
FIGURES = {"i2t_map", "t2i_map", "mean_map", "chance", "n_query", "n_database", "n_bits"}


class Workplace:
    """A data set of 12 pairs, a configuration, a cache and a finished run."""

    def __init__(self, folder: Path) -> None:
        self.data, self.run, self.cache = folder / "pairs", folder / "run", folder / "cache"
        self.config = folder / "config.toml"
        self.config.write_text(CONFIG)
        write_image_folder(
            self.data, {"train": rows_of("train", 8), "query": rows_of("query", 2), "gallery": rows_of("gallery", 2)}
        )

    def arguments(self, command: str, *more: str) -> list[str]:
        return [command, "--data", str(self.data), "--cache-dir", str(self.cache), *more]

    def train(self, *more: str) -> list[str]:
        return self.arguments("train", "--config", str(self.config), "--out", str(self.run), *more)

    def evaluate(self, *more: str) -> list[str]:
        return self.arguments("evaluate", "--bundle", str(self.run / "bundle"), *more)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    workplace = Workplace(tmp_path_factory.mktemp("training"))
    assert main(workplace.train()) == 0
    return workplace


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1], parse_constant=refuse)
    return found


def test_features_tells_shapes(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(workplace.arguments("features", "--config", str(workplace.config))) == 0
    assert last_line(capsys)["query"] == {"image": [2, 1280], "text": [2, 384]}


def test_training_again_leaves_a_finished_run_alone(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in workplace.run.rglob("*") if path.is_file()}
    assert main(workplace.train()) == 0
    told = last_line(capsys)
    assert told.keys() >= FIGURES | {"run", "bundle", "epoch"}
    assert {path: path.stat().st_mtime_ns for path in workplace.run.rglob("*") if path.is_file()} == before


def test_a_bundle_whose_writing_was_interrupted_is_written_again(workplace: Workplace) -> None:
    wanted = EncoderBundle.from_pretrained(workplace.run / "bundle").bundle_id
    (workplace.run / "bundle" / "config.json").unlink()
    assert main(workplace.train()) == 0
    assert EncoderBundle.from_pretrained(workplace.run / "bundle").bundle_id == wanted


def test_a_bundle_of_an_earlier_version_gets_its_graphs_when_training_is_called_again(workplace: Workplace) -> None:
    folder = workplace.run / "bundle"
    whole = EncoderBundle.from_pretrained(folder)
    EncoderBundle(replace(whole.manifest, graphs={}, comparison={}), whole.heads, whole.classifiers).save_pretrained(folder)
    assert main(workplace.train()) == 0
    assert ServedBundle.open(folder).bundle_id == whole.bundle_id
    assert EncoderBundle.from_pretrained(folder).has_graphs


def test_the_bundle_alone_gives_the_figures_of_the_run(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(workplace.evaluate("--json")) == 0
    found = last_line(capsys)
    assert found == json.loads((workplace.run / "report.json").read_bytes())["evaluation"]
    assert (found["n_query"], found["n_database"], found["n_bits"]) == (2, 10, 16)


def test_for_people_the_figures_come_in_words_first(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(workplace.evaluate()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "16 bits, 2 queries, 10 items"
    assert json.loads(lines[-1]).keys() >= FIGURES


def test_export_writes_the_same_bundle_elsewhere(workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(workplace.arguments("export", str(workplace.run), "--out", str(tmp_path / "bundle"))) == 0
    told = last_line(capsys)
    assert (told["bundle"], told["n_bits"], told["comparison"]["on"]) == (str(tmp_path / "bundle"), 16, "8 training pairs of pairs")
    assert {told["comparison"][name]["n_wrong"] for name in ("image", "text")} == {0}
    for path in (workplace.run / "bundle").iterdir():
        assert compared(tmp_path / "bundle" / path.name) == compared(path)


def compared(path: Path) -> object:
    """Returns what a file says, but for how far sums differ from graph to torch, which depends on their order."""
    if path.name != "config.json":
        return path.read_bytes()
    return {name: value for name, value in json.loads(path.read_text()).items() if name != "comparison"}


def test_graphs_are_added_to_a_bundle_without_them_and_what_they_are_compared_on_changes_no_identity(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = EncoderBundle.from_pretrained(workplace.run / "bundle")
    EncoderBundle(replace(whole.manifest, graphs={}, comparison={}), whole.heads, whole.classifiers).save_pretrained(tmp_path)
    assert not EncoderBundle.from_pretrained(tmp_path).has_graphs
    assert main(["export", str(tmp_path), "--out", str(tmp_path)]) == 0
    told = last_line(capsys)
    assert told["bundle_id"] == whole.bundle_id
    assert told["comparison"]["on"] == "32 made-up pictures and sentences"
    assert ServedBundle.open(tmp_path).encoders()["text"].n_bits == 16


def test_another_configuration_for_the_same_run_is_refused(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(workplace.train("--set", "training.epochs=4")) == 2
    told = capsys.readouterr()
    assert "training.epochs: there 3, now 4" in told.err
    assert told.out == ""


def test_other_pictures_for_the_same_run_are_refused(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Workplace(tmp_path)
    other.run = workplace.run
    write_image_folder(other.data, {"gallery": rows_of("gallery", 3)})
    assert main(other.train()) == 2
    assert "splits.gallery.n: there 2, now 3" in capsys.readouterr().err


def test_a_column_that_is_not_there_is_refused(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(workplace.evaluate("--json", "--set", "data.text_column=caption")) == 2
    assert "caption" in capsys.readouterr().err


def test_an_audits_corrections_are_trained_on(workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "audit"
    assert main(["audit", str(workplace.run), *workplace.arguments("")[1:], "--out", str(out), "--shown", "3"]) == 0
    told = last_line(capsys)
    assert {path.name for path in out.iterdir()} == {"audit.html", "audit.csv", "audit.json", "corrected.jsonl"}
    assert (told["n_pairs"], (out / "audit.html").read_text().count("data:image/jpeg")) == (8, 3)
    (out / "corrected.jsonl").write_text('{"id": "train0", "labels": ["cat", "dog"]}')
    corrected = ["--set", f"data.corrected_labels={out / 'corrected.jsonl'}"]
    assert main([*workplace.train(*corrected)[:-4], "--out", str(tmp_path / "run"), *corrected]) == 0
    report = json.loads((tmp_path / "run" / "report.json").read_bytes())
    assert (report["n_corrected"], report["n_changed"]) == (1, 1)
    assert json.loads((tmp_path / "run" / "run.json").read_bytes())["corrected_labels"]["n"] == 1


def test_words_of_captions_are_trained_on_and_belong_to_the_run(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--set", "data.caption_words=5", "--set", "data.caption_words_min=4", "--set", "data.caption_words_max_share=1.0"]
    train = [*workplace.train()[:-1], str(tmp_path / "run"), *words]
    assert main(train) == 0
    report, facts = (json.loads((tmp_path / "run" / name).read_bytes()) for name in ("report.json", "run.json"))
    assert (report["caption_words"], facts["caption_words"]["n"]) == (["text", "train"], 2)
    bundle = EncoderBundle.from_pretrained(tmp_path / "run" / "bundle")
    assert (bundle.manifest.label_names, bundle.manifest.training["caption_words"]) == (("cat", "dog"), 2)
    assert bundle.label_reader is None or bundle.label_reader.names == ("cat", "dog")
    write_image_folder(tmp_path / "pairs", {split: rows_of(split, n) for split, n in (("train", 8), ("query", 2), ("gallery", 2))})
    write_image_folder(tmp_path / "pairs", {"train": rows_of("train", 8, text="a train")})
    train[train.index("--data") + 1] = str(tmp_path / "pairs")
    assert main(train) == 2
    assert "caption_words.n: there 2, now 1" in capsys.readouterr().err


def test_an_audit_of_other_pairs_than_the_runs_is_refused(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Workplace(tmp_path)
    write_image_folder(other.data, {"train": rows_of("train", 9)})
    assert main(["audit", str(workplace.run), *other.arguments("")[1:]]) == 2
    assert "not the training split" in (said := capsys.readouterr().err)
    assert "n: there 8, here 9" in said


def test_a_sweeps_best_configuration_trains_and_a_page_shows_the_runs(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(workplace.config), "--out", str(tmp_path / "sweep"), "--trials", "2"]
    assert main(workplace.arguments("sweep", *config, "--space", "training.learning_rate=1e-3..1e-2:log")) == 0
    best = last_line(capsys)["config"]
    assert main(workplace.arguments("train", "--config", best, "--out", str(tmp_path / "runs" / "best"))) == 0
    assert last_line(capsys).keys() >= FIGURES
    assert main(["compare", str(tmp_path / "runs"), str(workplace.run), "--out", str(tmp_path / "page.html")]) == 0
    assert last_line(capsys)["n_runs"] == 2
    assert "learning_rate=" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_as_a_process_standard_output_is_one_json_line(workplace: Workplace) -> None:
    command = [sys.executable, "-m", "training", *workplace.evaluate("--json")]
    root = Path(__file__).parents[2]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(ended.stdout).keys() >= FIGURES
    assert ended.stdout.count("\n") == 1
