"""Which machine, which versions, how many threads: what a measured number means nothing without.

Decides which facts are told, and that a script refuses to measure where libraries may use more threads than it says. Does not know
how fast the machine is; see :mod:`bench.limits`.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

FLAGS = ("avx2", "avx512f", "avx512bw", "avx512_vpopcntdq", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimd", "sve")
"""Features of processors that the measured paths make use of."""
LIBRARIES = ("faiss-cpu", "numpy", "numba", "torch", "onnxruntime", "fastapi", "uvicorn", "uvloop", "sqlalchemy", "redis", "pillow")
"""Libraries whose versions always stand beside the numbers."""


def machine() -> dict[str, Any]:
    """Returns the machine's facts.

    Returns:
        ``cpu``, ``cores``, ``flags`` (those that matter), ``ram_gib``, ``system``; JSON-able.
    """
    info = _read("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    flags = set(" ".join(re.findall(r"^(?:flags|Features)\s*:\s*(.+)$", info, re.MULTILINE)).split())
    return {
        "cpu": found[1].strip() if found else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "flags": [flag for flag in FLAGS if flag in flags],
        "ram_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
    }


def load() -> float:
    """Returns how many processes wanted a core, on average over the last minute: above the number of cores, times mean little."""
    return round(os.getloadavg()[0], 1)


def versions(*more: str) -> dict[str, str]:
    """Returns the versions of what is installed.

    Args:
        *more: Distributions besides :data:`LIBRARIES`, such as a script's peers.

    Returns:
        By name, Python first; absent ones are left out.
    """
    found = {"python": platform.python_version()}
    for name in (*LIBRARIES, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def require_threads(n: int) -> int:
    """Makes sure that numerical libraries loaded so far use so many threads.

    Args:
        n: How many.

    Returns:
        The same.

    Raises:
        SystemExit: If one may use more.
    """
    most = max((int(pool["num_threads"]) for pool in threadpool_info()), default=n)
    if most > n:
        raise SystemExit(f"set OMP_NUM_THREADS={n}: a library here would use {most} threads, and {n} is what is compared")
    return n


def environment(n_threads: int, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns the environment of a script that measures: threads said once and for all, no busy waiting.

    Args:
        n_threads: Of every numerical library.
        inherited: Names and values; None for this process's.

    Returns:
        The environment.
    """
    kept = dict(os.environ if inherited is None else inherited)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return kept | dict.fromkeys(names, str(n_threads)) | {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": "0"}


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
