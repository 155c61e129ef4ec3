"""What the machine itself can do: reading memory, counting bits, multiplying matrices, syncing a disk, answering on loopback.

    OMP_NUM_THREADS=1 python -m bench.limits [--size check|bench|large]

Each is the best of the simple ways at hand, on one core: what stands beside the other numbers, as far as they could ever get.
"""

from __future__ import annotations

import argparse
import importlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import require_threads
from bench.result import Plot, Result, measure
from bench.timing import Spread, take_turns
from model.codes import UInt8

MIB = 2**20
_ECHO = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    peer, _ = server.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := peer.recv(4096):
        peer.sendall(data)
"""


def read_rate(n_bytes: int, *, rounds: int = 9) -> Spread:
    """Measures how fast one core reads: a bitwise sum over a working set that is read again and again.

    Args:
        n_bytes: Of the working set; of at most a few MiB it stays in a cache.
        rounds: Turns.

    Returns:
        GB/s (10⁹ bytes).
    """
    data = np.arange(n_bytes // 8, dtype=np.uint64)
    turns = take_turns({"read": lambda: np.bitwise_xor.reduce(data)}, rounds=rounds, warm_ups=2, at_least_s=0.01)
    return _rate(turns.seconds["read"], data.nbytes / 1e9)


def popcount_rate(*, rounds: int = 9) -> Spread | None:
    """Measures how many 64-bit codes one core compares when they lie in its cache: xor, count bits, add.

    Args:
        rounds: Turns.

    Returns:
        10⁹ codes a second; None where numba is not installed, as nothing else at hand does it in one pass.
    """
    try:
        kernel = _popcount_kernel()
    except ImportError:
        return None
    codes, query = np.arange(MIB // 32, dtype=np.uint64), np.uint64(0x5555)
    turns = take_turns({"count": lambda: kernel(codes, query)}, rounds=rounds, warm_ups=2, at_least_s=0.005)
    return _rate(turns.seconds["count"], len(codes) / 1e9)


def sgemm_rate(side: int = 1024, *, rounds: int = 9) -> Spread:
    """Measures a product of two square matrices of float32, on as many threads as numpy has.

    Args:
        side: Rows and columns.
        rounds: Turns.

    Returns:
        10⁹ floating-point operations a second.
    """
    a, b = (np.random.default_rng(seed).standard_normal((side, side), np.float32) for seed in (0, 1))
    turns = take_turns({"sgemm": lambda: a @ b}, rounds=rounds, warm_ups=2, at_least_s=0.02)
    return _rate(turns.seconds["sgemm"], 2 * side**3 / 1e9)


def fsync_time(folder: Path | None = None, *, n: int = 51) -> Spread:
    """Measures how long the disk takes to keep 4 KiB that were appended.

    Args:
        folder: On that disk; None for the folder of temporary files.
        n: How often.

    Returns:
        Milliseconds.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:

        def append() -> None:
            file.write(bytes(4096))
            os.fsync(file.fileno())

        return take_turns({"fsync": append}, rounds=n).of("fsync").times(1e3)


def echo_time(*, n: int = 2000) -> Spread:
    """Measures one round trip of 64 bytes to another process over TCP on loopback.

    Args:
        n: How often.

    Returns:
        Microseconds.
    """
    with subprocess.Popen([sys.executable, "-c", _ECHO], stdout=subprocess.PIPE, text=True) as other:
        port = int(other.stdout.readline()) if other.stdout else 0
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def trip() -> None:
                client.sendall(bytes(64))
                client.recv(4096)

            return take_turns({"echo": trip}, rounds=n, warm_ups=50).of("echo").times(1e6)


def _rate(seconds: Any, amount: float) -> Spread:
    return Spread.of([amount / each for each in seconds])


@lru_cache(maxsize=1)
def _popcount_kernel() -> Callable[[Any, Any], Any]:
    """Compiles the loop; LLVM turns it into whatever the processor has for it."""
    numba, extending = importlib.import_module("numba"), importlib.import_module("numba.extending")

    @extending.intrinsic  # type: ignore[untyped-decorator]
    def bits_set(_context: Any, _word: Any) -> Any:
        return numba.uint64(numba.uint64), lambda _c, builder, _signature, arguments: builder.ctpop(arguments[0])

    @numba.njit(nogil=True)  # type: ignore[untyped-decorator]
    def count(codes: UInt8, query: Any) -> Any:
        total = np.uint64(0)
        for i in range(codes.size):
            total += bits_set(codes[i] ^ query)
        return total

    compiled: Callable[[Any, Any], Any] = count
    return compiled


def run(given: argparse.Namespace) -> Result:
    """Measures all of it.

    Args:
        given: The size: how far the working set grows.

    Returns:
        Tables and a plot.
    """
    require_threads(1)
    largest = {"check": 64, "bench": 256, "large": 2048}[given.size]
    result = Result("limits", "The machine's own limits", {"largest_working_set_MiB": largest, "threads": 1})
    sizes = [size for size in (0.25, 1, 4, 16, 64, 256, 1024, 2048) if size <= largest]
    rates = {size: read_rate(int(size * MIB)) for size in sizes}
    for size, rate in rates.items():
        result.add("Reading memory, one core", working_set_MiB=size, GB_a_second=rate)
    result.add("Other limits", what="sgemm of 1024 × 1024, one core, GFLOP/s", measured=sgemm_rate())
    popcount = popcount_rate()
    result.add(
        "Other limits", what="64-bit codes compared in cache, one core, 10⁹/s", measured=popcount or "numba is not installed"
    )
    result.add("Other limits", what="fsync of 4 KiB, ms", measured=fsync_time())
    result.add("Other limits", what="TCP round trip on loopback, µs", measured=echo_time())
    points = [(size, rate.value) for size, rate in rates.items()]
    result.plots.append(Plot("Reading memory, one core", "working set, MiB", "GB/s", {"read": points}, log="x"))
    return result


if __name__ == "__main__":
    sys.exit(measure(__doc__, run))
