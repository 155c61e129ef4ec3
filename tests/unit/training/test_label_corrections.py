"""A file of corrected labels says what training sees, and nothing that it says is passed over in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.errors import DatasetError
from tests.training_fixtures import ClusterData, open_run, small_config
from training.experiment import run_experiment
from training.inputs import make_training_labels
from training.label_corrections import LabelCorrections, read_corrections, write_corrections

IDS, NAMES = ("a", "b", "c"), ("cat", "dog", "狗")


def read(folder: Path, text: str) -> LabelCorrections:
    file = folder / "corrected.jsonl"
    file.write_text(text, encoding="utf-8")
    return read_corrections(file, IDS, NAMES)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_corrections(tmp_path / "own.jsonl", [("c", ["狗", "cat"]), ("a", ["dog"])])
    found = read_corrections(tmp_path / "own.jsonl", IDS, NAMES)
    assert found.rows.tolist() == [0, 2]
    assert found.labels.tolist() == [[0, 1, 0], [1, 0, 1]]
    assert found.apply(np.eye(3, dtype=np.uint8)).tolist() == [[0, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_of_two_files_one_behind_the_other_the_later_one_counts(tmp_path: Path) -> None:
    found = read(tmp_path, '{"id": "a", "labels": ["cat"]}\n\n{"id": "a", "labels": ["dog"]}')
    assert (found.rows.tolist(), found.labels.tolist()) == ([0], [[0, 1, 0]])


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    given = np.eye(3, dtype=np.uint8)
    assert (read(tmp_path, "").apply(given) == given).all()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "Expecting property name"),
        ('["a"]', "expected {"),
        ('{"id": 1, "labels": ["cat"]}', "expected {"),
        ('{"id": "a", "labels": "cat"}', "expected {"),
        ('{"id": "x", "labels": ["cat"]}', "no pair 'x'"),
        ('{"id": "a", "labels": ["cow"]}', "no such label: cow; there are cat, dog"),
        ('{"id": "a", "labels": []}', "without a label"),
    ],
)
def test_a_line_that_says_nothing_usable_is_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(DatasetError, match=r"corrected\.jsonl:2: ") as refused:
        read(tmp_path, f'{{"id": "b", "labels": ["dog"]}}\n{line}\n')
    assert words in str(refused.value)


def test_many_mistakes_are_counted(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="3 more mistakes"):
        read(tmp_path, "{\n" * 8)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_corrections(tmp_path / "none.jsonl", IDS, NAMES)


def test_corrected_labels_stand_in_for_noisy_ones() -> None:
    truth = ClusterData()("train").true_labels
    rows = np.arange(0, len(truth), 2)
    labels = make_training_labels(truth, small_config(), corrections=LabelCorrections(rows, truth[rows], "0"))
    without = make_training_labels(truth, small_config())
    assert (labels.given_labels[rows] == truth[rows]).all()
    assert (np.delete(labels.given_labels, rows, axis=0) == np.delete(without.given_labels, rows, axis=0)).all()


def test_a_report_says_how_many_labels_were_corrected(tmp_path: Path) -> None:
    data = ClusterData()
    truth = data.splits["train"].true_labels
    data.correct("train", LabelCorrections(np.arange(len(truth)), truth, "0"))
    config = small_config("training.epochs=1")
    report = run_experiment(config, data, open_run(tmp_path, config))
    assert (report["n_corrected"], report["n_changed"]) == (len(truth), 0)
    assert f"labels of {len(truth)} pairs corrected" in (tmp_path / "report.md").read_text()
