"""Signs of random projections of the joint space of images and texts. Needs no epochs, looks at no label.

Source: Charikar, Similarity estimation techniques from rounding algorithms (STOC 2002), https://doi.org/10.1145/509907.509965: for
x, y and a normal r, P(sign(r · x) ≠ sign(r · y)) is their angle over π, so that distances estimate angles.

Note: the paper's vectors lie in one space already; here they are brought there by CCA (:mod:`training.joint_space`), and
dimensions in which images and texts hardly correlate hardly count.

Decides the projection. Does not know how the joint space is found.
"""

from __future__ import annotations

import torch

from training.joint_space import Float64
from training.methods.without_epochs import WithoutEpochs


class RandomProjection(WithoutEpochs):
    """The method.

    Args:
        options: Of the joint space.
        n_train: Number of training samples.
        n_labels: Number of labels C; not used.
    """

    def projection(self, image: Float64, text: Float64, n_bits: int) -> Float64:
        """Draws independent normal directions by PyTorch's global generator, on the CPU.

        Args:
            image: (N, d) float64; gives d.
            text: Left alone.
            n_bits: Bits of a code.

        Returns:
            (d, n_bits) float64.
        """
        drawn: Float64 = torch.randn(image.shape[1], n_bits, dtype=torch.float64, device="cpu").numpy()
        return drawn
