"""Labels are read off the signs of codes."""

import numpy as np
import pytest

from model.codes import sign_codes
from model.label_reader import LabelReader
from model.manifest import MODALITIES


def test_probabilities_are_the_logistic_function_of_what_the_signs_weigh():
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=(16, 2)).astype(np.float32) for name in MODALITIES}
    biases = {name: rng.normal(size=2).astype(np.float32) for name in MODALITIES}
    reader = LabelReader(("dog", "cat"), weights, biases, 0.5, {})
    signs = sign_codes(rng.normal(size=(5, 16)))
    for name in MODALITIES:
        found = reader.probabilities(name, signs)
        for i, k in np.ndindex(5, 2):
            logit = sum(signs[i, j] * weights[name][j, k] for j in range(16)) + biases[name][k]
            assert found[i, k] == pytest.approx(1 / (1 + np.exp(-logit)), rel=1e-4)


def test_large_logits_are_sure_and_no_more():
    huge = {name: np.full((8, 1), 1e6, np.float32) for name in MODALITIES}
    reader = LabelReader(("a",), huge, dict.fromkeys(MODALITIES, np.zeros(1, np.float32)), 0.5, {})
    signs = np.ones((2, 8), np.int8) * np.array([[1], [-1]], np.int8)
    assert reader.probabilities("image", signs).tolist() == [[1.0], [0.0]]
