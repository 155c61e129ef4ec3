"""A small loop of its own for heads that take label beliefs: seconds, before a run's epochs begin.

Decides order of samples, jitter, learning rate and averaging. Does not know losses or features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import cos, pi

import torch
from torch import Tensor
from torch.nn import Parameter

from model.heads import HashHead
from training.averaging import WeightAverage
from training.learning_data import LabelledFeatures, RelaxedCodes

Loss = Callable[[RelaxedCodes, Tensor], Tensor]
"""Gives the loss of a batch from its codes and its (B, C) label probabilities."""

_DECAY = 0.995


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """How long and how fast.

    Attributes:
        epochs: Passes over the samples.
        learning_rate: Of Adam's first step; it falls to 0 as a cosine.
        batch_size: Samples of a step.
        jitter: Standard deviation of what is added to beliefs, anew in each epoch; beliefs have deviation 1 themselves.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    jitter: float


def learn_codes(
    heads: dict[str, HashHead], parameters: Sequence[Parameter], beliefs: LabelledFeatures, loss: Loss, lessons: Lessons
) -> None:
    """Trains heads on beliefs; they end with the exponential averages of their weights.

    Random numbers come from PyTorch's global generator.

    Args:
        heads: By modality; they take C beliefs.
        parameters: What else the loss trains.
        beliefs: (N, C) of either modality, and (N, C) label probabilities.
        loss: Of a batch.
        lessons: How long and how fast.
    """
    trained = [*chain.from_iterable(head.parameters() for head in heads.values()), *parameters]
    optimizer, average = torch.optim.Adam(trained, lr=lessons.learning_rate, fused=True), WeightAverage(trained, _DECAY)
    n, size = len(beliefs.image), lessons.batch_size
    n_batches = -(-n // size)
    for epoch in range(lessons.epochs):
        image, text = (side + lessons.jitter * torch.randn_like(side) for side in (beliefs.image, beliefs.text))
        for batch, index in enumerate(torch.split(torch.randperm(n, device=image.device), size)):
            done = (epoch * n_batches + batch) / (lessons.epochs * n_batches)
            optimizer.param_groups[0]["lr"] = lessons.learning_rate * 0.5 * (1.0 + cos(pi * done))
            codes = RelaxedCodes(heads["image"](image[index]), heads["text"](text[index]))
            optimizer.zero_grad(set_to_none=True)
            loss(codes, beliefs.given_labels[index]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            average.update()
    with torch.no_grad(), average.applied():
        averaged = [parameter.detach().clone() for parameter in trained]
    for parameter, value in zip(trained, averaged, strict=True):
        parameter.data.copy_(value)
