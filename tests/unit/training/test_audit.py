"""Wrong labels that were put in are found, no pair judges itself, and labels that are mixed up are named."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import torch

from tests.audit_fixtures import NAMES, N, audited, features_of, ids_of, true_labels
from training.audit import Audit, audit_labels, label_facts
from training.audit.files import accepted_corrections, to_csv, to_json
from training.label_noise import add_label_noise
from training.methods.base import LabelledFeatures


def area_under_curve(suspicion: np.ndarray, is_wrong: np.ndarray) -> float:
    return float((suspicion[is_wrong][:, None] > suspicion[~is_wrong][None, :]).mean())


def made(probability: list[list[float]], given: list[list[int]], suspicion: list[float], **facts: object) -> Audit:
    size = len(given[0])
    defaults = {"ids": ids_of(len(given)), "label_names": NAMES[:size], "mixed_up": np.zeros((size, size)), "shares": {}}
    arrays = {"probability": np.array(probability, np.float32), "suspicion": np.array(suspicion, np.float32)}
    return Audit(given_labels=np.array(given, np.uint8), **{**defaults, **arrays, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [0.2, 0.6])
def test_exchanged_labels_are_the_most_suspicious_and_mended(rate: float) -> None:
    audit, true = audited(rate), true_labels()
    is_wrong = (add_label_noise(true, rate, seed=1) != true).any(axis=1)
    assert area_under_curve(audit.suspicion, is_wrong) > 0.97
    assert audit.suspicion.sum() == pytest.approx(rate * N, rel=0.15)
    assert (audit.suggested_labels != true).sum() < 0.2 * (audit.given_labels != true).sum()
    assert audit.shares["exchanged"] == pytest.approx(rate, abs=0.1)


def test_labels_that_are_switched_one_by_one_are_found_as_well() -> None:
    true, rng = true_labels(), np.random.default_rng(3)
    given = np.where(true > 0, rng.random(true.shape) > 0.3, rng.random(true.shape) < 0.02).astype(np.uint8)
    audit = audit_labels(features_of(true, given), ids_of(N), NAMES)
    assert (audit.noise_model, audit.shares) == ("label", {})
    assert area_under_curve(audit.suspicion, (given != true).any(axis=1)) > 0.9


def test_without_noise_next_to_nothing_is_suspicious() -> None:
    assert audited(0.0).suspicion.sum() < 0.02 * N


def test_pairs_that_could_be_learnt_by_heart_do_not_judge_themselves() -> None:
    """With more features than pairs a regression that saw a pair would find nothing wrong with it."""
    true = true_labels(250)
    given = add_label_noise(true, 0.4, seed=1)
    train = features_of(true, given)
    wide = torch.cat([train.image, torch.from_numpy(np.random.default_rng(5).normal(size=(250, 400))).float()], dim=1)
    audit = audit_labels(LabelledFeatures(wide, train.text, train.given_labels), ids_of(250), NAMES)
    assert area_under_curve(audit.suspicion, (given != true).any(axis=1)) > 0.9


def test_labels_that_stand_for_each_other_are_named() -> None:
    true = true_labels()
    given, rng = add_label_noise(true, 0.2, seed=1), np.random.default_rng(4)
    for row in np.flatnonzero((given[:, 0] > 0) & (given[:, 1] == 0)):
        if rng.random() < 0.4:
            given[row, :2] = (0, 1)
    facts = {each.label: each for each in label_facts(audit_labels(features_of(true, given), ids_of(N), NAMES))}
    assert [each.label for each in facts["dog"].confused] == ["cat"]
    assert facts["dog"].wrong_share > 0.15 > facts["bird"].wrong_share
    assert facts["cat"].missing_share > 0.15 > facts["bird"].missing_share


def test_noise_that_always_strikes_the_same_labels_is_found_by_its_odds() -> None:
    true, rng = true_labels(), np.random.default_rng(4)
    given = true.copy()
    struck = (true[:, 0] > 0) & (true[:, 1] == 0) & (rng.random(N) < 0.25)
    given[struck, 0], given[struck, 1] = 0, 1
    audit = audit_labels(features_of(true, given), ids_of(N), NAMES)
    assert audit.noise_model == "pair"
    assert audit.suspicion.sum() == pytest.approx(struck.sum(), rel=0.2)
    assert (audit.suggested_labels != true).sum() < 0.2 * (given != true).sum()
    assert audit.mixed_up[1, 0] == pytest.approx(struck.sum(), rel=0.2)


def test_labels_that_are_wrong_anyhow_are_confused_with_nothing() -> None:
    by_chance = 40 * (1 - np.eye(3))
    audit = made([[0.5] * 3] * 2, [[1, 0, 0]] * 2, [0.5] * 2, mixed_up=by_chance)
    assert [each.confused for each in label_facts(audit)] == [[], [], []]


def test_no_pair_is_left_without_a_label() -> None:
    audit = made([[0.1, 0.4, 0.2], [0.9, 0.6, 0.1]], [[1, 0, 0], [1, 1, 0]], [0.9, 0.1])
    assert audit.suggested_labels.tolist() == [[0, 1, 0], [1, 1, 0]]


def test_suggestions_are_taken_from_the_threshold_on_if_they_change_anything() -> None:
    given = [[1, 0]] * 4
    audit = made([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.9, 0.1]], given, [0.8, 0.95, 0.7, 0.9])
    assert audit.accepted(0.8).tolist() == [1, 0]
    assert accepted_corrections(audit, 0.8) == [("p1", ["dog"]), ("p0", ["dog"])]


def test_files_tell_the_same_and_rank_by_suspicion() -> None:
    audit = audited()
    rows = list(csv.DictReader(io.StringIO(to_csv(audit, 0.7))))
    found = json.loads(to_json(audit, 0.7, {"data": "made"}))
    assert found["facts"] == {"data": "made"}
    assert [row["id"] for row in rows] == [sample["id"] for sample in found["samples"]]
    assert len(rows) == len({row["id"] for row in rows}) == N
    assert sorted((float(row["suspicion"]) for row in rows), reverse=True) == [float(row["suspicion"]) for row in rows]
    assert [row["id"] for row in rows if row["accepted"] == "1"] == [pair_id for pair_id, _ in accepted_corrections(audit, 0.7)]
    assert [label["label"] for label in found["labels"]] == list(NAMES)
