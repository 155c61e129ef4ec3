"""An epoch shows every sample once, in an order that the seed and the epoch decide, and nothing else in the process notices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from model.heads import HashHead
from tests.training_fixtures import cluster_features, small_config
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.trainer import Trainer


class RecordingMethod:
    learns_by_epochs = True

    """Pulls codes to a constant and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.epochs: list[int] = []
        self.train_codes: RelaxedCodes | None = None
        self._scale = Parameter(torch.ones(1))

    def build_heads(self, feature_dims: dict[str, int], n_bits: int) -> dict[str, HashHead]:
        return {name: HashHead(dim, (), n_bits) for name, dim in feature_dims.items()}

    def prepare(self, heads: dict[str, HashHead], train: LabelledFeatures) -> None:
        self.prepared = (heads, train)

    def parameters(self) -> list[Parameter]:
        return [self._scale]

    def state(self) -> dict[str, Tensor]:
        return {"scale": self._scale.detach()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        self._scale.data.copy_(state["scale"])

    def on_epoch_start(self, epoch: int, encode_train: Callable[[], RelaxedCodes], given_labels: Tensor) -> None:
        self.epochs.append(epoch)
        self.train_codes = encode_train()

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        self.batches.append(batch)
        return {"image": ((relaxed_codes.image - self._scale) ** 2).mean(), "text": (relaxed_codes.text**2).sum()}


def labelled(n: int = 70) -> LabelledFeatures:
    found = cluster_features(1, n)
    return LabelledFeatures(
        torch.from_numpy(found.image), torch.from_numpy(found.text), torch.from_numpy(found.true_labels.astype("float32"))
    )


def make_trainer(*overrides: str, n: int = 70) -> tuple[Trainer, RecordingMethod]:
    method = RecordingMethod()
    return Trainer(method, labelled(n), small_config(*overrides).training), method


def order_of(method: RecordingMethod) -> list[int]:
    return torch.cat([batch.sample_index for batch in method.batches]).tolist()


@pytest.mark.parametrize("n", [64, 65, 70])
def test_every_sample_is_seen_once_an_epoch_with_its_own_features_and_labels(n: int) -> None:
    trainer, method = make_trainer(n=n)
    trainer.run_epoch(1)
    assert sorted(order_of(method)) == list(range(n))
    assert [len(batch.sample_index) for batch in method.batches] == [32, 32, n - 64][: 2 + (n > 64)]
    for batch in method.batches:
        for found, whole in ((batch.image_features, labelled(n).image), (batch.given_labels, labelled(n).given_labels)):
            assert torch.equal(found, whole[batch.sample_index])


def test_the_method_prepares_with_its_heads_and_the_whole_split() -> None:
    trainer, method = make_trainer()
    heads, train = method.prepared
    assert heads is trainer.heads
    assert train.image.shape == (70, 12)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    orders = {}
    for seed, epoch in [(1, 1), (1, 2), (2, 1), (2, 2), (1, 1)]:
        trainer, method = make_trainer(f"training.seed={seed}")
        trainer.run_epoch(epoch)
        assert orders.setdefault((seed, epoch), order_of(method)) == order_of(method)
    assert len({tuple(order) for order in orders.values()}) == 4


def test_the_seed_decides_the_first_weights_and_nobody_elses_random_numbers() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (make_trainer(f"training.seed={seed}")[0] for seed in (1, 1, 2))
    first.run_epoch(1)
    assert torch.equal(before, torch.random.get_rng_state())
    again.run_epoch(1)
    weights = [trainer.weights()["heads.image.layers.0.weight"] for trainer in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_method_is_told_of_the_epoch_and_gets_the_codes_of_the_whole_split() -> None:
    trainer, method = make_trainer()
    wanted = trainer.encode(labelled().image, labelled().text)
    trainer.run_epoch(3)
    assert method.epochs == [3]
    assert method.train_codes is not None
    assert torch.equal(method.train_codes.image, wanted.image)
    assert not method.train_codes.text.requires_grad


def test_losses_are_means_over_batches_fall_and_train_the_methods_own_parameters() -> None:
    trainer, method = make_trainer()
    advanced: list[int] = []
    first = trainer.run_epoch(1, lambda: advanced.append(1))
    for epoch in range(2, 6):
        last = trainer.run_epoch(epoch)
    assert set(first) == {"image", "text"}
    assert last["image"] < first["image"]
    assert len(advanced) == 3
    assert method.state()["scale"].item() != 1.0


def test_weights_that_are_taken_back_give_the_same_codes() -> None:
    trainer, _ = make_trainer()
    trainer.run_epoch(1)
    other, _ = make_trainer("training.seed=9")
    other.load_weights({name: tensor.clone() for name, tensor in trainer.weights().items()})
    codes, again = (each.encode(labelled().image, labelled().text) for each in (trainer, other))
    assert torch.equal(codes.image, again.image)
    assert torch.equal(codes.text, again.text)


def test_weights_of_other_heads_are_refused() -> None:
    trainer, _ = make_trainer()
    with pytest.raises(RuntimeError, match="size mismatch"):
        make_trainer("training.n_bits=32")[0].load_weights(trainer.weights())
