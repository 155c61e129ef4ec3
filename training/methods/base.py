"""What a hashing method promises to the training loop.

Decides the moments at which a method is asked. Does not know data sets, optimisers or epochs' selection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor
from torch.nn import Parameter

from model.heads import HashHead
from training.learning_data import Batch, LabelledFeatures, RelaxedCodes

__all__ = ["Batch", "HashingMethod", "LabelledFeatures", "RelaxedCodes"]


class HashingMethod(Protocol):
    """Learns heads from batches.

    Attributes:
        learns_by_epochs: False for methods that are done after :meth:`prepare`; their ``loss_terms`` is never called.
    """

    learns_by_epochs: bool

    def build_heads(self, feature_dims: dict[str, int], n_bits: int) -> dict[str, HashHead]:
        """Makes the heads and whatever else is trained; called once, after seeding.

        Args:
            feature_dims: Width of the features by modality (``image``, ``text``).
            n_bits: Bits of a code.

        Returns:
            A head by modality.
        """
        ...

    def prepare(self, heads: dict[str, HashHead], train: LabelledFeatures) -> LabelledFeatures:
        """Does what needs the whole training split at once; called after :meth:`build_heads`, before any epoch, resumed or not.

        Deterministic: a resumed run calls it again and must get the same. Heads, parameters and ``train`` lie on the device that
        trains by then, as batches and loaded state will: what a method keeps besides is moved to ``train.image.device`` here.

        Args:
            heads: What :meth:`build_heads` gave; methods without epochs set their weights here.
            train: The training split, validation already cut from it.

        Returns:
            What batches are drawn from, in the same order: ``train``, or the like with other labels than the given ones.
        """
        ...

    def parameters(self) -> list[Parameter]:
        """Returns what is trained besides the heads."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Returns everything besides the heads that a resumed run or a bundle needs, by name."""
        ...

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Takes back what :meth:`state` gave.

        Args:
            state: Tensors by name.
        """
        ...

    def on_epoch_start(self, epoch: int, encode_train: Callable[[], RelaxedCodes], given_labels: Tensor) -> None:
        """Is called before the first batch of an epoch; heads and parameters hold their averages meanwhile, if they are averaged.

        Args:
            epoch: Counted from 1.
            encode_train: Gives the relaxed codes of the whole training split, in its order, without autograd.
            given_labels: (N, C) float32 of 0 and 1.
        """
        ...

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Returns the weighted scalar terms whose sum is minimised, by name; the same names for all batches of an epoch.

        Of several processes each is given the whole batch. Random numbers come from PyTorch's global generator, which is seeded
        for each epoch.

        Args:
            batch: Features and labels.
            relaxed_codes: What the heads gave for the batch, with autograd.

        Returns:
            Scalars by name.
        """
        ...
