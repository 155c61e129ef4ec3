"""Heads against a loop over their layers, and encoders as backbone and head in a row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from model.encoder import TorchEncoder
from model.errors import CodeError, EmptyText
from model.heads import HashHead
from model.preprocess import normalise_text


def ramp_head(feature_dim: int = 3, hidden_dims: tuple[int, ...] = (4, 5), n_bits: int = 8, *, unit_norm: bool = True) -> HashHead:
    """Returns a head whose weights rise evenly, so that nothing about it is random."""
    head = HashHead(feature_dim, hidden_dims, n_bits, unit_norm=unit_norm)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.linspace(-1, 1, parameter.numel()).reshape(parameter.shape))
    return head


def by_loop(head: HashHead, features: list[float]) -> list[float]:
    x = features
    for i, layer in enumerate(head.layers):
        rows, offsets = layer.weight.tolist(), layer.bias.tolist()
        x = [sum(w * value for w, value in zip(row, x, strict=True)) + offset for row, offset in zip(rows, offsets, strict=True)]
        x = [math.tanh(value) if i == len(head.layers) - 1 else max(0.0, value) for value in x]
    length = math.sqrt(sum(value * value for value in x)) if head.unit_norm else 1.0
    return [value / length for value in x]


class StubBackbone:
    """Three numbers of a text."""

    name, feature_dim, weights_digest = "stub", 3, "w"

    def __init__(self) -> None:
        self.preprocessing: dict[str, Any] = {}

    def prepare(self, raw: str) -> str:
        return normalise_text(raw)

    def extract(self, prepared: list[str]) -> np.ndarray:
        return np.array([[len(text), text.count("a"), 1.0] for text in prepared], np.float32).reshape(-1, 3)


@pytest.mark.parametrize("hidden_dims", [(), (4,), (4, 5)])
@pytest.mark.parametrize("unit_norm", [True, False])
def test_a_head_is_its_layers(hidden_dims: tuple[int, ...], unit_norm: bool) -> None:
    head = ramp_head(hidden_dims=hidden_dims, unit_norm=unit_norm)
    features = [[0.5, -1.0, 2.0], [0.0, 0.0, 0.0]]
    found = head(torch.tensor(features)).detach().numpy()
    np.testing.assert_allclose(found, [by_loop(head, row) for row in features], rtol=1e-5, atol=1e-6)


def test_scaling_to_length_one_changes_no_sign() -> None:
    features = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    unit, free = ramp_head()(features), ramp_head(unit_norm=False)(features)
    torch.testing.assert_close(unit.norm(dim=1), torch.ones(50))
    assert (free.abs() <= 1).all()
    assert torch.equal(unit >= 0, free >= 0)


def test_codes_of_nothing_but_zeros_are_zeros_and_not_nan() -> None:
    head = ramp_head()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
    assert head(torch.ones(2, 3)).tolist() == [[0.0] * 8] * 2


@pytest.mark.parametrize("n_bits", [0, 12, -8])
def test_a_head_for_codes_that_cannot_be_packed_is_refused(n_bits: int) -> None:
    with pytest.raises(CodeError, match="multiple of 8"):
        HashHead(3, (4,), n_bits)


def test_an_encoder_is_its_backbone_and_its_head_in_a_row() -> None:
    head, backbone = ramp_head(), StubBackbone()
    encoder = TorchEncoder(backbone, head)
    prepared = [encoder.prepare(text) for text in (" a  cat ", "a banana")]
    found = encoder.encode(prepared)
    wanted = head(torch.from_numpy(backbone.extract(["a cat", "a banana"]))).detach().numpy()
    assert (found.dtype, found.shape, encoder.n_bits) == (np.float32, (2, 8), 8)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(encoder.encode_features(backbone.extract(prepared)), found)


def test_an_empty_batch_gives_no_codes() -> None:
    assert TorchEncoder(StubBackbone(), ramp_head()).encode([]).shape == (0, 8)


def test_read_only_features_are_taken() -> None:
    features = np.ones((2, 3), np.float32)
    features.flags.writeable = False
    assert TorchEncoder(StubBackbone(), ramp_head()).encode_features(features).shape == (2, 8)


def test_a_text_that_cannot_be_prepared_is_told() -> None:
    with pytest.raises(EmptyText):
        TorchEncoder(StubBackbone(), ramp_head()).prepare(" \n")
