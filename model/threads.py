"""How many threads one forward pass may use.

Decides nothing; hands the number to torch, so that the service need not know it.
"""

from __future__ import annotations

import torch


def set_encoder_threads(n_threads: int) -> None:
    """Sets the threads of a forward pass, for the whole process.

    Args:
        n_threads: 1 or more.
    """
    torch.set_num_threads(n_threads)
