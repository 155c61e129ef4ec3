"""What methods share: a head by modality with hidden layers by options, and nothing else that is trained.

Decides defaults only; a method overrides what it needs. Does not know any loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt
from torch import Tensor
from torch.nn import Parameter

from model.heads import HashHead
from training.methods.base import LabelledFeatures, RelaxedCodes


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadOptions:
    """Widths of the heads, the same for every method that trains them.

    Attributes:
        image_hidden: Widths of the image head's hidden layers.
        text_hidden: Widths of the text head's hidden layers.
    """

    image_hidden: tuple[Annotated[int, Gt(0)], ...] = (1024, 1024)
    text_hidden: tuple[Annotated[int, Gt(0)], ...] = (1024,)


class TwoHeads:
    """A method without anything but its heads; what is left to a subclass is ``loss_terms``.

    Args:
        options: Widths.
        n_train: Number of training samples.
        n_labels: Number of labels C.
    """

    learns_by_epochs = True
    unit_norm: ClassVar[bool] = True

    def __init__(self, options: HeadOptions, *, n_train: int, n_labels: int) -> None:
        self._hidden = {"image": options.image_hidden, "text": options.text_hidden}
        self._n_train, self._n_labels = n_train, n_labels

    def build_heads(self, feature_dims: dict[str, int], n_bits: int) -> dict[str, HashHead]:
        """Makes both heads.

        Args:
            feature_dims: Width of the features by modality.
            n_bits: Bits of a code.

        Returns:
            The heads by modality.
        """
        return {
            name: HashHead(feature_dims[name], hidden, n_bits, unit_norm=self.unit_norm) for name, hidden in self._hidden.items()
        }

    def prepare(self, heads: dict[str, HashHead], train: LabelledFeatures) -> LabelledFeatures:
        """Needs nothing of the whole split before the first epoch.

        Args:
            heads: Left alone.
            train: The training split.

        Returns:
            The training split.
        """
        return train

    def parameters(self) -> list[Parameter]:
        """Returns what is trained besides the heads: nothing."""
        return []

    def state(self) -> dict[str, Tensor]:
        """Returns what a resumed run needs besides the heads: nothing."""
        return {}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Takes back what :meth:`state` gave.

        Args:
            state: Tensors by name.
        """

    def on_epoch_start(self, epoch: int, encode_train: Callable[[], RelaxedCodes], given_labels: Tensor) -> None:
        """Needs nothing between epochs.

        Args:
            epoch: Counted from 1.
            encode_train: Not called.
            given_labels: Left alone.
        """
