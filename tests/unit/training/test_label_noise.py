"""Noise changes exactly the stated entries of exactly the stated number of samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training_fixtures import random_labels
from training.label_noise import add_label_noise


def mixed_labels(seed: int, n: int, n_labels: int = 8) -> np.ndarray:
    """Rows with at least one label on and one off, so that every chosen sample can change both ways."""
    labels = random_labels(seed, n, n_labels)
    full = labels.all(axis=1)
    labels[full, 0] = 0
    return labels


@given(n=st.integers(0, 60), percent=st.sampled_from([0, 5, 20, 50, 80, 99, 100]), seed=st.integers(0, 5))
def test_the_stated_number_of_samples_each_lose_a_true_and_gain_an_absent_label(n: int, percent: int, seed: int) -> None:
    labels = mixed_labels(seed, n) if n else np.zeros((0, 8), np.uint8)
    noisy = add_label_noise(labels, percent / 100, seed=seed)
    changed = (noisy != labels).any(axis=1)
    assert changed.sum() == n * percent // 100
    assert ((labels & ~noisy & 1).sum(axis=1) == changed).all()
    assert ((noisy & ~labels & 1).sum(axis=1) == changed).all()


def test_the_seed_decides_and_the_input_is_left_alone() -> None:
    labels = mixed_labels(1, 50)
    before = labels.copy()
    first, again, other = (add_label_noise(labels, 0.5, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(labels, before)


def test_no_noise_is_a_copy() -> None:
    labels = mixed_labels(1, 10)
    same = add_label_noise(labels, 0.0, seed=1)
    np.testing.assert_array_equal(same, labels)
    assert not np.shares_memory(same, labels)


def test_every_sample_and_every_label_is_reached() -> None:
    """Over many seeds each sample is changed about as often as any other, and so is each of its labels."""
    labels = np.tile(np.array([1, 1, 0, 0], np.uint8), (10, 1))
    runs = np.stack([add_label_noise(labels, 0.5, seed=seed) for seed in range(400)]).astype(int)
    changed = (runs != labels).any(axis=2).mean(axis=0)
    flips = (runs != labels).sum(axis=(0, 1)) / 2000
    np.testing.assert_allclose(changed, 0.5, atol=0.1)
    np.testing.assert_allclose(flips, 0.5, atol=0.05)


@pytest.mark.parametrize(("row", "n_after"), [([0, 0, 0], 1), ([1, 1, 1], 2), ([1], 0)])
def test_a_sample_that_cannot_change_both_ways_changes_one_way(row: list[int], n_after: int) -> None:
    assert add_label_noise(np.array([row], np.uint8), 1.0, seed=0).sum() == n_after


def test_a_changed_sample_never_gets_back_the_label_it_lost() -> None:
    """With one label on of two, the only change is to swap them."""
    labels = np.tile(np.array([1, 0], np.uint8), (20, 1))
    np.testing.assert_array_equal(add_label_noise(labels, 1.0, seed=3), labels[:, ::-1])
