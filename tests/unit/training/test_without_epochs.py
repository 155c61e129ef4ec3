"""ITQ and random projections: what is written into the heads is what the equations say, without epochs or labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.codes import sign_codes
from model.heads import HashHead
from tests.training_fixtures import FEATURE_DIMS, N_LABELS, labelled
from training.joint_space import fit_joint_space
from training.methods.base import LabelledFeatures
from training.methods.itq import Itq, ItqOptions, nearest_rows, random_rows
from training.methods.random_projection import RandomProjection
from training.methods.without_epochs import JointSpaceOptions, WithoutEpochs

N_TRAIN = 70


def prepared(method: WithoutEpochs, train: LabelledFeatures, n_bits: int, seed: int = 1) -> dict[str, HashHead]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = method.build_heads(FEATURE_DIMS, n_bits)
        method.prepare(heads, train)
    return heads


def itq(n_rounds: int = 50) -> Itq:
    return Itq(ItqOptions(n_rounds=n_rounds), n_train=N_TRAIN, n_labels=N_LABELS)


def random_projection() -> RandomProjection:
    return RandomProjection(JointSpaceOptions(), n_train=N_TRAIN, n_labels=N_LABELS)


def places() -> tuple[np.ndarray, np.ndarray]:
    train = labelled(N_TRAIN)
    maps = fit_joint_space(train.image, train.text, ridge=0.1, power=4.0)
    return maps["image"].apply(train.image.double().numpy()), maps["text"].apply(train.text.double().numpy())


def quantization_error(v: np.ndarray, rotation: np.ndarray) -> float:
    rotated = v @ rotation
    return float(((np.where(rotated >= 0, 1.0, -1.0) - rotated) ** 2).sum())


@pytest.mark.parametrize("n_bits", [8, 16])
def test_more_rounds_of_itq_never_lose_more_by_taking_signs(n_bits: int) -> None:
    """With fewer bits than the 10 dimensions and with more."""
    (image, text), errors = places(), []
    for n_rounds in (1, 2, 3, 5, 10, 50):
        torch.manual_seed(3)
        rotation = itq(n_rounds).projection(image, text, n_bits)
        n_dims = min(10, n_bits)
        np.testing.assert_allclose(rotation[:n_dims] @ rotation[:n_dims].T, np.eye(n_dims), atol=1e-10)
        assert not rotation[n_dims:].any()
        errors.append(quantization_error(np.concatenate([image, text]), rotation))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0]


@pytest.mark.parametrize("shape", [(4, 4), (3, 8)])
def test_no_rows_fit_better_than_the_nearest_ones(shape: tuple[int, int]) -> None:
    product = np.random.default_rng(1).normal(size=shape)
    best = nearest_rows(product)
    np.testing.assert_allclose(best @ best.T, np.eye(shape[0]), atol=1e-10)
    torch.manual_seed(1)
    others = [random_rows(*shape) for _ in range(50)]
    assert all(np.trace(best.T @ product) > np.trace(other.T @ product) for other in others)


@pytest.mark.parametrize("method", [itq(), random_projection()], ids=["itq", "random projection"])
def test_the_heads_signs_are_those_of_the_projected_places(method: WithoutEpochs) -> None:
    heads = prepared(method, labelled(N_TRAIN), 16)
    (image, text), train = places(), labelled(N_TRAIN)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        method.build_heads(FEATURE_DIMS, 16)  # the projection is drawn after the heads' first weights
        bits = method.projection(image, text, 16)
    for name, place, features in (("image", image, train.image), ("text", text, train.text)):
        with torch.inference_mode():
            found = sign_codes(heads[name](features).numpy())
        wanted, clear = place @ bits, np.abs(place @ bits) > 1e-5
        assert clear.mean() > 0.9
        assert np.array_equal(found[clear], sign_codes(wanted)[clear])


def test_distances_of_random_projections_estimate_angles() -> None:
    image, text = places()
    torch.manual_seed(5)
    bits = random_projection().projection(image, text, 20_000)
    share = (np.sign(image[:5] @ bits)[:, None] != np.sign(text[:5] @ bits)[None]).mean(axis=2)
    norms = np.linalg.norm(image[:5], axis=1)[:, None] * np.linalg.norm(text[:5], axis=1)[None]
    np.testing.assert_allclose(share, np.arccos(image[:5] @ text[:5].T / norms) / np.pi, atol=0.015)


@pytest.mark.parametrize("method", [itq(), random_projection()], ids=["itq", "random projection"])
def test_labels_are_not_looked_at_and_nothing_is_trained(method: WithoutEpochs) -> None:
    train = labelled(N_TRAIN)
    other = LabelledFeatures(train.image, train.text, 1 - train.given_labels)
    first, second = prepared(method, train, 16), prepared(method, other, 16)
    assert all(torch.equal(first[name].layers[0].weight, second[name].layers[0].weight) for name in first)
    assert (method.learns_by_epochs, method.parameters(), method.state()) == (False, [], {})
    assert {name: (head.hidden_dims, head.unit_norm) for name, head in first.items()} == dict.fromkeys(first, ((), False))


@pytest.mark.parametrize("method", [itq(), random_projection()], ids=["itq", "random projection"])
def test_pairs_lie_nearer_than_strangers(method: WithoutEpochs) -> None:
    train = labelled(N_TRAIN)
    heads = prepared(method, train, 64)
    with torch.inference_mode():
        image, text = sign_codes(heads["image"](train.image).numpy()), sign_codes(heads["text"](train.text).numpy())
    distances = (64 - image.astype(int) @ text.T) / 2
    assert distances.diagonal().mean() < 0.6 * distances.mean()
