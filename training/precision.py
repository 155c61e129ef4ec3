"""The precision of float32 matrix products, set for a while.

Decides that PyTorch's global setting is given back afterwards. Does not know who needs which.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    """Sets the precision of float32 products, and gives back what was set before.

    Args:
        name: ``highest``, ``high`` or ``medium``, as PyTorch means them.

    Yields:
        Nothing.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
