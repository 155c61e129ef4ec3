"""HERO: honest expected-relevance codes, our own method for noisy labels.

1. *What is true?* A ridge regression on image and text features together predicts each label, every sample by a regression without
   it. From these held-out scores and the given labels, noise rates are estimated label by label, and by Bayes' rule the
   probability p_ic that label c is true of sample i (``training.label_posterior``).
2. *What can one side know?* For each modality a ridge regression on its features alone predicts p. The held-out predictions
   z_i = W x_i + c are what images (or texts) that were never trained on will look like: codes learn from them, not from features,
   so that they learn to bear the doubt they will meet.
3. *Codes.* Heads from z to codes are trained to rank by expected relevance, with signs in the forward pass
   (``training.losses.expected_relevance``); z is jittered anew each epoch. A finished head is the trained one with W folded into
   its first layer: exactly a head on features, of the same layers as any other method's.

There is no reliability, no warm-up and no threshold: a doubtful label is a probability near ½ and weighs accordingly.

Decides how the parts are joined. Does not know how batches come about or which epoch is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F
from torch.nn.init import orthogonal_

from model.heads import HashHead
from training.honest_beliefs import Beliefs, fit_beliefs
from training.label_posterior import estimate_posterior
from training.losses.expected_relevance import expected_relevance, relevance_ranking_loss
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.methods.two_heads import HeadOptions, TwoHeads

MODALITIES = ("image", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeroOptions(HeadOptions):
    """HERO's own settings.

    Attributes:
        temperature: τ of 64 bits, a difference of cosines; for K bits it is τ · (64/K)^½.
        jitter: Standard deviation of what is added to beliefs, which have deviation 1 themselves.
    """

    temperature: Annotated[float, Gt(0)] = 0.45
    jitter: Annotated[float, Ge(0)] = 0.5


class Hero(TwoHeads):
    """The method.

    Args:
        options: Widths, temperature and jitter.
        n_train: Number of training samples.
        n_labels: Number of labels C.
    """

    def __init__(self, options: HeroOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(options, n_train=n_train, n_labels=n_labels)
        self._options = options
        self._feature_dims: dict[str, int] = {}
        self._beliefs: dict[str, Beliefs] = {}
        self._classifiers: dict[str, Parameter] = {}

    def build_heads(self, feature_dims: dict[str, int], n_bits: int) -> dict[str, HashHead]:
        """Makes both heads on beliefs, and label classifiers on their codes.

        Args:
            feature_dims: Width of the features by modality.
            n_bits: Bits of a code.

        Returns:
            Heads that take C beliefs.
        """
        self._feature_dims = feature_dims
        self._temperature = self._options.temperature * (64 / n_bits) ** 0.5
        self._classifiers = {name: Parameter(orthogonal_(torch.empty(n_bits, self._n_labels))) for name in MODALITIES}
        return super().build_heads(dict.fromkeys(MODALITIES, self._n_labels), n_bits)

    def prepare(self, heads: dict[str, HashHead], train: LabelledFeatures) -> LabelledFeatures:
        """Estimates label probabilities from both modalities together, and what each modality alone can know of them.

        Args:
            heads: Left alone.
            train: Features and given labels.

        Returns:
            Beliefs in the place of features, label probabilities in the place of given labels.
        """
        together = torch.cat([_unit(train.image), _unit(train.text)], dim=1)
        scores = fit_beliefs(together, train.given_labels).held_out
        posterior = estimate_posterior(scores.cpu().numpy(), train.given_labels.cpu().numpy())
        probabilities = torch.from_numpy(posterior.probability).to(train.image.device)
        self._beliefs = {name: fit_beliefs(getattr(train, name), probabilities) for name in MODALITIES}
        image, text = (self._beliefs[name].held_out.clone() for name in MODALITIES)
        self._inputs = LabelledFeatures(image, text, probabilities)
        return self._inputs

    def finished_heads(self, heads: dict[str, HashHead]) -> dict[str, HashHead]:
        """Folds the beliefs' regression into each head's first layer.

        Args:
            heads: On beliefs.

        Returns:
            Heads on features that give the same codes.
        """
        return {name: _folded(head, self._beliefs[name], self._feature_dims[name]) for name, head in heads.items()}

    def parameters(self) -> list[Parameter]:
        """Returns the label classifiers' weights.

        Returns:
            Two of (n_bits, C).
        """
        return list(self._classifiers.values())

    def state(self) -> dict[str, Tensor]:
        """Returns the classifiers; all else follows from the training split.

        Returns:
            ``classifier.image`` and ``classifier.text``, (n_bits, C) float32.
        """
        return {f"classifier.{name}": weight.detach() for name, weight in self._classifiers.items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Takes back what :meth:`state` gave.

        Args:
            state: Tensors by name.
        """
        for name, weight in self._classifiers.items():
            weight.data.copy_(state[f"classifier.{name}"])

    def on_epoch_start(self, epoch: int, encode_train: Callable[[], RelaxedCodes], given_labels: Tensor) -> None:
        """Jitters the beliefs anew.

        Args:
            epoch: Counted from 1.
            encode_train: Not called.
            given_labels: Left alone.
        """
        for name in MODALITIES:
            held_out = self._beliefs[name].held_out
            getattr(self._inputs, name).copy_(held_out + self._options.jitter * torch.randn_like(held_out))

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Returns the ranking loss, and that of the label classifiers, which moves no code.

        Args:
            batch: Beliefs, and label probabilities in the place of given labels.
            relaxed_codes: (B, n_bits) of length 1 each.

        Returns:
            ``ranking`` and ``classification``, scalars.
        """
        u, v = relaxed_codes.image, relaxed_codes.text
        relevance = expected_relevance(batch.given_labels)
        classified = [
            F.binary_cross_entropy_with_logits(codes.detach() @ self._classifiers[name], batch.given_labels)
            for name, codes in (("image", u), ("text", v))
        ]
        return {
            "ranking": relevance_ranking_loss(u, v, relevance, temperature=self._temperature),
            "classification": torch.stack(classified).mean(),
        }


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features - features.mean(dim=0), dim=1)


@torch.no_grad()
def _folded(head: HashHead, beliefs: Beliefs, feature_dim: int) -> HashHead:
    with torch.device("meta"):  # no first weights: they would be drawn at random, and thrown away
        finished = HashHead(feature_dim, head.hidden_dims, head.n_bits, unit_norm=head.unit_norm)
    weights = {name: tensor.clone() for name, tensor in head.state_dict().items()}
    first = weights["layers.0.weight"]
    weights["layers.0.weight"] = first @ beliefs.weight.T
    weights["layers.0.bias"] = weights["layers.0.bias"] + first @ beliefs.bias
    finished.load_state_dict(weights, assign=True)
    return finished
