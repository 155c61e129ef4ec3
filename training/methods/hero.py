"""HERO: honest expected-relevance codes, our own method for noisy labels.

1. *What is true?* A ridge regression on image and text features together predicts each label, every sample by a regression without
   it. From these held-out scores and the given labels it is estimated what befell labels, sample by sample or label by label,
   whichever explains them better, and by Bayes' rule the probability p_ic that label c is true of sample i
   (``training.true_labels``).
2. *Ranking by it.* Heads learn to rank by expected relevance, with signs in the forward pass
   (``training.losses.expected_relevance``), in the epochs of the common loop at a falling rate; the last one is kept.
3. *A start for short codes*, up to ``belief_bits``. For each modality a ridge regression on its features alone predicts p. The
   held-out predictions z_i = W x_i + c are what images (or texts) that were never trained on will look like. Small heads from
   jittered z to codes learn by the same loss; W is folded into their first layer, which makes them heads on features, of the same
   layers as any other method's: from there the epochs go on.

There is no reliability, no warm-up and no threshold: a doubtful label is a probability near ½ and weighs accordingly.

Decides how the parts are joined. Does not know how batches come about or which epoch is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F
from torch.nn.init import orthogonal_

from model.heads import HashHead
from training.code_learning import Lessons, learn_codes
from training.honest_beliefs import Beliefs, fit_beliefs
from training.losses.expected_relevance import expected_relevance, relevance_ranking_loss
from training.methods.base import Batch, LabelledFeatures, RelaxedCodes
from training.methods.two_heads import HeadOptions, TwoHeads
from training.true_labels import NoiseModel, estimate_label_probabilities

MODALITIES = ("image", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeroOptions(HeadOptions):
    """HERO's own settings.

    Attributes:
        temperature: τ of 64 bits, a difference of cosines; for K bits it is τ · (64/K)^½.
        jitter: Standard deviation of what is added to beliefs, which have deviation 1 themselves.
        noise_model: What may have happened to labels, for part 1; ``none`` takes given labels for true.
        belief_bits: Longest code that begins with part 3; heads of longer ones begin at random.
        belief_epochs: Of part 3; without any, all heads begin at random.
        belief_learning_rate: Of part 3.
    """

    temperature: Annotated[float, Gt(0)] = 0.45
    jitter: Annotated[float, Ge(0)] = 0.5
    noise_model: NoiseModel = "auto"
    belief_bits: Annotated[int, Ge(0)] = 32
    belief_epochs: Annotated[int, Ge(0)] = 15
    belief_learning_rate: Annotated[float, Gt(0)] = 2e-3


class Hero(TwoHeads):
    """The method.

    Args:
        options: Widths, temperature, and what is learnt from beliefs.
        n_train: Number of training samples.
        n_labels: Number of labels C.
    """

    def __init__(self, options: HeroOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(options, n_train=n_train, n_labels=n_labels)
        self._options = options
        self._classifiers: dict[str, Parameter] = {}

    def build_heads(self, feature_dims: dict[str, int], n_bits: int) -> dict[str, HashHead]:
        """Makes both heads, and label classifiers on their codes.

        Args:
            feature_dims: Width of the features by modality.
            n_bits: Bits of a code.

        Returns:
            The heads by modality.
        """
        self._temperature = self._options.temperature * (64 / n_bits) ** 0.5
        self._classifiers = {name: Parameter(orthogonal_(torch.empty(n_bits, self._n_labels))) for name in MODALITIES}
        return super().build_heads(feature_dims, n_bits)

    def prepare(self, heads: dict[str, HashHead], train: LabelledFeatures) -> LabelledFeatures:
        """Does part 1, and part 3 if the codes are short, and writes what was learnt into the heads.

        Args:
            heads: Their weights are set.
            train: Features and given labels.

        Returns:
            The features, and label probabilities in the place of given labels.
        """
        probabilities = estimate_label_probabilities(train, self._options.noise_model)
        if self._options.belief_epochs and heads["image"].n_bits <= self._options.belief_bits:
            self._start_from_beliefs(heads, train, probabilities)
        return LabelledFeatures(train.image, train.text, probabilities)

    def _start_from_beliefs(self, heads: dict[str, HashHead], train: LabelledFeatures, probabilities: Tensor) -> None:
        beliefs = {name: fit_beliefs(getattr(train, name), probabilities) for name in MODALITIES}
        inputs = LabelledFeatures(beliefs["image"].held_out, beliefs["text"].held_out, probabilities)
        small = super().build_heads(dict.fromkeys(MODALITIES, self._n_labels), heads["image"].n_bits)
        small = {name: head.to(train.image.device) for name, head in small.items()}
        options = self._options
        lessons = Lessons(
            epochs=options.belief_epochs, learning_rate=options.belief_learning_rate, batch_size=128, jitter=options.jitter
        )
        learn_codes(small, self.parameters(), inputs, lambda *given: torch.stack(list(self._terms(*given).values())).sum(), lessons)
        for name, head in heads.items():
            _fold(small[name], beliefs[name], head)

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

    def loss_terms(self, batch: Batch, relaxed_codes: RelaxedCodes) -> dict[str, Tensor]:
        """Returns the ranking loss, and that of the label classifiers, which moves no code.

        Args:
            batch: Features, and label probabilities in the place of given labels.
            relaxed_codes: (B, n_bits) of length 1 each.

        Returns:
            ``ranking`` and ``classification``, scalars.
        """
        return self._terms(relaxed_codes, batch.given_labels)

    def _terms(self, codes: RelaxedCodes, probabilities: Tensor) -> dict[str, Tensor]:
        relevance = expected_relevance(probabilities)
        classified = [
            F.binary_cross_entropy_with_logits(side.detach() @ self._classifiers[name], probabilities)
            for name, side in (("image", codes.image), ("text", codes.text))
        ]
        return {
            "ranking": relevance_ranking_loss(codes.image, codes.text, relevance, temperature=self._temperature),
            "classification": torch.stack(classified).mean(),
        }


@torch.no_grad()
def _fold(small: HashHead, beliefs: Beliefs, head: HashHead) -> None:
    """Writes a head on beliefs into one on features that gives the same codes."""
    weights = small.state_dict()
    first = weights["layers.0.weight"]
    weights["layers.0.bias"] = weights["layers.0.bias"] + first @ beliefs.bias
    weights["layers.0.weight"] = first @ beliefs.weight.T
    head.load_state_dict(weights)
