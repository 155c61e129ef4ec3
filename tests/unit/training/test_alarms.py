"""Alarms ring for what is wrong, name the place, and do what the configuration says."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import Tensor

from model.errors import TrainingStopped
from tests.training_fixtures import RecordingMethod, labelled, small_config
from training.alarms import CodeFacts, check_codes, check_finite, code_facts
from training.config import TrainingSection
from training.methods.base import Batch, RelaxedCodes
from training.trainer import Trainer

SOUND = CodeFacts(constant_bits=0, largest_code_share=0.5)


def options(alarms: str = "stop", *overrides: str) -> TrainingSection:
    return small_config(f"training.alarms={alarms}", *overrides).training


def random_codes(seed: int, n: int = 200, n_bits: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, n_bits)).astype(np.float32)


class BrokenMethod(RecordingMethod):
    """Gives one value that is no number, in the second batch."""

    def __init__(self, term: str, value: float) -> None:
        super().__init__()
        self._term, self._value = term, value

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        terms = super().loss_terms(batch, relaxed_codes)
        if len(self.batches) == 2:
            terms[self._term] = terms[self._term] * self._value
        return terms


def test_codes_that_use_their_bits_are_sound() -> None:
    facts = code_facts(random_codes(1), random_codes(2))
    assert facts == CodeFacts(constant_bits=0, largest_code_share=1 / 200)


@pytest.mark.parametrize(("n_other", "n_constant"), [(0, 1), (1, 1), (2, 0), (20, 0)])
def test_a_bit_is_constant_if_more_than_99_percent_agree_in_either_modality(n_other: int, n_constant: int) -> None:
    """Of 200 codes 198 are 99 %, which is not more."""
    for sign in (1, -1):
        codes = random_codes(1)
        codes[:, 3] = sign
        codes[:n_other, 3] = -sign
        assert code_facts(codes, random_codes(2)).constant_bits == code_facts(random_codes(2), codes).constant_bits == n_constant


def test_bits_of_a_handful_of_codes_are_not_judged() -> None:
    assert code_facts(np.ones((99, 8), np.float32)).constant_bits == 0
    assert code_facts(np.ones((100, 8), np.float32)).constant_bits == 8


def test_the_share_of_the_most_frequent_code_is_counted_by_signs() -> None:
    codes = random_codes(1)
    codes[:50] = np.abs(random_codes(3)[:50])
    assert code_facts(random_codes(2), codes).largest_code_share == 50 / 200


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (CodeFacts(0, 0.51), r"epoch 10: codes have collapsed: 51% of them are equal; try "),
        (CodeFacts(16, 1.0), "codes have collapsed: 100% of them are equal"),
        (CodeFacts(2, 0.01), "2 of 16 bits are constant over more than 99% of the codes; try .+ or fewer training.n_bits"),
    ],
)
def test_collapsed_codes_stop_training_after_the_first_epochs(facts: CodeFacts, words: str) -> None:
    check_codes(facts, 9, options())
    with pytest.raises(TrainingStopped, match=f"{words}.*; training.alarms=warn, with another --out, goes on"):
        check_codes(facts, 10, options())
    check_codes(facts, 10, options("stop", "training.alarm_from_epoch=11"))
    check_codes(SOUND, 10, options())


def test_an_alarm_may_warn_or_be_off(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_codes(CodeFacts(2, 0.01), 10, options("off"))
        assert caplog.messages == []
        check_codes(CodeFacts(2, 0.01), 10, options("warn"))
    assert "2 of 16 bits are constant" in caplog.messages[0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_stops_training_with_epoch_batch_and_term(value: float) -> None:
    trainer = Trainer(BrokenMethod("text", value), labelled(), options())
    with pytest.raises(TrainingStopped, match=r"epoch 4, batch 2: text and the gradient is not finite; try a smaller"):
        trainer.run_epoch(4)


def test_training_that_is_not_to_stop_goes_on_with_what_is_not_finite(caplog: pytest.LogCaptureFixture) -> None:
    figures = Trainer(BrokenMethod("text", float("nan")), labelled(), options("warn")).run_epoch(1)
    assert "epoch 1, batch 2: text" in caplog.text
    assert np.isnan(figures.losses["text"])


def test_of_several_batches_the_first_bad_one_is_named() -> None:
    good, bad = torch.tensor(1.0), torch.tensor(float("nan"))
    history = {"a": [good, good, bad], "b": [good, bad, good], "c": [good, good, good]}
    with pytest.raises(TrainingStopped, match="epoch 1, batch 2: b is not finite"):
        check_finite(history, 1, options())
    check_finite({"c": history["c"]}, 1, options())
