"""A thread for work that searches go before.

Decides that such a thread gets a core less readily than those that search, where the system gives threads priorities of their own.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

_NICE = 10


def begin(work: Callable[[], None], name: str) -> threading.Thread:
    """Begins work on a thread of its own.

    Args:
        work: Is called once; it should hold Python's lock but for moments, or those that want it wait longer than need be.
        name: Of the thread.

    Returns:
        The thread, which runs.
    """

    def run() -> None:
        if sys.platform == "linux":  # elsewhere the number would be a process's
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
        work()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
