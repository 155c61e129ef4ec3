"""Load on a service, for its figures: several clients that ask what nobody has asked before.

Decides what is asked. Measures nothing.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from threading import Event

import httpx
import numpy as np
from PIL import Image

N_CLIENTS = 4


@contextmanager
def load(client: httpx.Client) -> Iterator[list[int]]:
    """Searches by new sentences and new pictures without a pause, while the block runs.

    Args:
        client: Knows the address.

    Yields:
        Statuses of the answers so far.
    """
    statuses: list[int] = []
    done, numbers = Event(), count()

    def work() -> None:
        while not done.is_set():
            number = next(numbers)
            sentence = client.post("/search/text", json={"query": f"a question {os.getpid()} {number}", "k": 10})
            shown = client.post("/search/image", files={"image": picture(number)}, data={"k": "10"})
            statuses.extend((sentence.status_code, shown.status_code))

    with ThreadPoolExecutor(N_CLIENTS) as clients:
        working = [clients.submit(work) for _ in range(N_CLIENTS)]
        try:
            yield statuses
        finally:
            done.set()
    for one in working:
        one.result()


def picture(number: int) -> bytes:
    """Makes a picture that nobody has seen.

    Args:
        number: Which.

    Returns:
        A JPEG of 640 × 480 pixels.
    """
    small = np.random.default_rng([os.getpid(), number]).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    made = io.BytesIO()
    Image.fromarray(small).resize((640, 480)).save(made, "JPEG")
    return made.getvalue()
