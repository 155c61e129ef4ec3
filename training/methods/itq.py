"""ITQ on the joint space of images and texts: the rotation that loses least by taking signs. Needs no epochs, looks at no label.

Source: Gong et al., Iterative Quantization (TPAMI 2013), https://doi.org/10.1109/TPAMI.2012.193, CCA-ITQ. With V the images' and
texts' places in the joint space, one below the other, alternate

    B = sign(V R)        R = U Wᵀ where Vᵀ B = U diag(·) Wᵀ (orthogonal Procrustes)

from a random rotation; each step lowers ‖B − V R‖².

Note: the paper's CCA is between images and labels; here between images and texts, whose pairs are what is given without labels.

Note: with more bits than the joint space has dimensions, R is not square: its rows stay orthonormal, R Rᵀ = I, and the same two
steps lower the same error (a tight frame instead of a rotation).

Decides the rotation. Does not know how the joint space is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from annotated_types import Gt

from training.joint_space import Float64
from training.methods.without_epochs import JointSpaceOptions, WithoutEpochs


@dataclass(frozen=True, slots=True, kw_only=True)
class ItqOptions(JointSpaceOptions):
    """ITQ's own settings.

    Attributes:
        n_rounds: Alternations; 50 are the paper's.
    """

    n_rounds: Annotated[int, Gt(0)] = 50


class Itq(WithoutEpochs):
    """The method.

    Args:
        options: Of the joint space, and the number of rounds.
        n_train: Number of training samples.
        n_labels: Number of labels C; not used.
    """

    def __init__(self, options: ItqOptions, *, n_train: int, n_labels: int) -> None:
        super().__init__(options, n_train=n_train, n_labels=n_labels)
        self._n_rounds = options.n_rounds

    def projection(self, image: Float64, text: Float64, n_bits: int) -> Float64:
        """Returns R, on the first dimensions, as many as there are bits; the others do not count.

        Args:
            image: (N, d) float64.
            text: (N, d) float64.
            n_bits: Bits of a code.

        Returns:
            (d, n_bits) float64: min(d, n_bits) orthonormal rows above rows of 0.
        """
        places = np.concatenate([image, text])[:, :n_bits]
        rotation = random_rows(places.shape[1], n_bits)
        for _ in range(self._n_rounds):
            rotation = nearest_rows(places.T @ np.where(places @ rotation >= 0, 1.0, -1.0))
        return np.concatenate([rotation, np.zeros((image.shape[1] - len(rotation), n_bits))])


def random_rows(n_rows: int, n_bits: int) -> Float64:
    """Draws orthonormal rows by PyTorch's global generator, on the CPU.

    Args:
        n_rows: At most ``n_bits``.
        n_bits: Length of a row.

    Returns:
        (n_rows, n_bits) float64.
    """
    drawn = torch.randn(n_bits, n_rows, dtype=torch.float64, device="cpu")
    rows: Float64 = torch.linalg.qr(drawn).Q.T.numpy()
    return rows


def nearest_rows(product: Float64) -> Float64:
    """Returns the matrix R with orthonormal rows that maximises trace(Rᵀ M): U Wᵀ where M = U diag(·) Wᵀ.

    Args:
        product: (d, n_bits) float64, M, d ≤ n_bits.

    Returns:
        (d, n_bits) float64.
    """
    u, _, w = np.linalg.svd(product, full_matrices=False)
    nearest: Float64 = u @ w
    return nearest
