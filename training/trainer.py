"""Heads, method and optimiser of one run, an epoch at a time.

Decides seeding, order of batches and device, so that a resumed run takes the very same steps. Does not know files or validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from model.heads import HashHead
from training.alarms import check_finite
from training.checkpoint import prefixed, stripped
from training.compute import make_accelerator
from training.config import TrainingSection
from training.descent import Descent
from training.methods.base import Batch, HashingMethod, LabelledFeatures, RelaxedCodes
from training.precision import matmul_precision
from training.processes import Processes

ENCODE_ROWS = 4096
"""Pairs that are encoded at once."""
_GRADIENT = "the gradient"
_METHOD_STREAM = 2**40  # keeps random numbers that a method draws apart from those that order the batches


@dataclass(frozen=True, slots=True)
class EpochFigures:
    """What an epoch of training came to.

    Attributes:
        losses: Mean of each loss term over the batches, by name.
        grad_norm: Mean over the batches of the Euclidean length of the whole gradient.
        learning_rate: Of the last step.
    """

    losses: dict[str, float]
    grad_norm: float
    learning_rate: float


class Trainer:
    """Trains heads by a method.

    Args:
        method: Gives heads and losses.
        train: What is trained on.
        options: Bits, batch size, learning rate, averaging, seed.
        accelerator: Gives the device and the processes that share the work; None to make one by the options.
    """

    def __init__(
        self, method: HashingMethod, train: LabelledFeatures, options: TrainingSection, accelerator: Accelerator | None = None
    ) -> None:
        self.method, self._options = method, options
        self._accelerator = accelerator or make_accelerator(options)
        self.device, self.processes = self._accelerator.device, Processes(self._accelerator)
        moved = LabelledFeatures(*(part.to(self.device) for part in (train.image, train.text, train.given_labels)))
        with self._seeded(options.seed):
            feature_dims = {"image": train.image.shape[1], "text": train.text.shape[1]}
            self.heads: dict[str, HashHead] = {
                name: head.to(self.device) for name, head in method.build_heads(feature_dims, options.n_bits).items()
            }
            for parameter in method.parameters():
                parameter.data = parameter.data.to(self.device)
            self._train = method.prepare(self.heads, moved)
        parameters = [*chain.from_iterable(head.parameters() for head in self.heads.values()), *method.parameters()]
        self.processes.average([parameter.data for parameter in parameters])  # what was prepared may differ in the last digit
        self._n_batches = -(-len(train.image) // options.batch_size)
        self._descent = Descent(parameters, options, self._accelerator, n_batches=self._n_batches)

    def run_epoch(self, epoch: int, advance: Callable[[], None] = lambda: None) -> EpochFigures:
        """Trains one epoch.

        Args:
            epoch: Counted from 1; with the seed it decides the order of samples and what a method draws at random.
            advance: Called after each batch.

        Returns:
            Losses and the like.

        Raises:
            TrainingStopped: If a loss term or the gradient was not finite, and alarms are to stop training.
        """
        seed = self._options.seed * 100_003 + epoch
        generator = torch.Generator("cpu").manual_seed(seed)
        order = torch.randperm(len(self._train.image), generator=generator, device="cpu").to(self.device)
        history: dict[str, list[Tensor]] = {}
        first_step = (epoch - 1) * self._n_batches
        with self._seeded(seed + _METHOD_STREAM):
            with self._descent.averaged():
                self.method.on_epoch_start(epoch, self._encode_train, self._train.given_labels)
            for step, sample_index in enumerate(torch.split(order, self._options.batch_size), start=first_step):
                terms = self._loss_terms(sample_index)
                gradient = self._descent.step(torch.stack(list(terms.values())).sum(), step)
                for name, value in {**terms, _GRADIENT: gradient}.items():
                    history.setdefault(name, []).append(value.detach())
                advance()
        # Read once an epoch: each reading makes a GPU wait.
        check_finite(history, epoch, self._options)
        means = {name: float(torch.stack(values).double().sum()) / self._n_batches for name, values in history.items()}
        grad_norm = means.pop(_GRADIENT)
        return EpochFigures(means, grad_norm, self._descent.learning_rate(first_step + self._n_batches - 1))

    def _loss_terms(self, sample_index: Tensor) -> dict[str, Tensor]:
        train, own = self._train, self.processes.share(sample_index)
        codes = self._relaxed_codes(train.image[own], train.text[own])
        n = len(sample_index)
        codes = RelaxedCodes(self.processes.gather(codes.image, n), self.processes.gather(codes.text, n))
        batch = Batch(train.image[sample_index], train.text[sample_index], train.given_labels[sample_index], sample_index)
        return self.method.loss_terms(batch, codes)

    def _relaxed_codes(self, image_features: Tensor, text_features: Tensor) -> RelaxedCodes:
        with self._accelerator.autocast():
            image, text = self.heads["image"](image_features), self.heads["text"](text_features)
        return RelaxedCodes(image.float(), text.float())

    @torch.no_grad()
    def _encode_train(self) -> RelaxedCodes:
        blocks = zip(torch.split(self._train.image, ENCODE_ROWS), torch.split(self._train.text, ENCODE_ROWS), strict=True)
        return _joined([self._relaxed_codes(image, text) for image, text in blocks])

    @torch.no_grad()
    def encode(self, image_features: Tensor, text_features: Tensor) -> RelaxedCodes:
        """Returns relaxed codes of pairs, in full precision as at serving, by the averaged weights if there are any.

        Args:
            image_features: (N, image feature_dim) float32, on any device.
            text_features: (N, text feature_dim) float32, likewise.

        Returns:
            (N, n_bits) each, on the CPU, without autograd.
        """
        codes = []
        with self._descent.averaged(), matmul_precision("highest"):
            for image, text in zip(torch.split(image_features, ENCODE_ROWS), torch.split(text_features, ENCODE_ROWS), strict=True):
                image_codes, text_codes = self.heads["image"](image.to(self.device)), self.heads["text"](text.to(self.device))
                codes.append(RelaxedCodes(image_codes.cpu(), text_codes.cpu()))
        return _joined(codes)

    def weights(self) -> dict[str, Tensor]:
        """Returns what a bundle needs: the heads, averaged if they are, and the method's state.

        Returns:
            ``heads.<modality>.…`` and ``method.…``.
        """
        with self._descent.averaged():
            return self._raw_weights()

    def _raw_weights(self) -> dict[str, Tensor]:
        heads = {
            f"heads.{name}.{key}": value.detach() for name, head in self.heads.items() for key, value in head.state_dict().items()
        }
        return {**heads, **prefixed("method.", self.method.state())}

    def head_facts(self) -> dict[str, dict[str, Any]]:
        """Returns what is needed to make the heads anew, by modality; JSON-able."""
        return {
            name: {"feature_dim": head.feature_dim, "hidden_dims": list(head.hidden_dims), "unit_norm": head.unit_norm}
            for name, head in self.heads.items()
        }

    def load_weights(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what :meth:`weights` gave.

        Args:
            tensors: By name; other names are passed over.
        """
        for name, head in self.heads.items():
            head.load_state_dict(stripped(f"heads.{name}.", tensors), strict=True)
        self.method.load_state({name: tensor.to(self.device) for name, tensor in stripped("method.", tensors).items()})
        self._descent.restart_average()

    def state(self) -> dict[str, Tensor]:
        """Returns everything a resumed run needs.

        Returns:
            The weights as they are trained, and what moves them.
        """
        return {**self._raw_weights(), **self._descent.state()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what :meth:`state` gave.

        Args:
            tensors: By name.
        """
        self.load_weights(tensors)
        self._descent.load_state(tensors)

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """Draws from a seed of its own, and leaves everybody else's random numbers alone."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(seed)
            yield


def _joined(parts: list[RelaxedCodes]) -> RelaxedCodes:
    return RelaxedCodes(torch.cat([part.image for part in parts]), torch.cat([part.text for part in parts]))
