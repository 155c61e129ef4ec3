"""A service process that is measured from outside.

Decides how it is started, waited for and stopped. Does not know what is asked of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench.machine import environment

_READY = " is ready at "
_TICKS = os.sysconf("SC_CLK_TCK")
BUNDLE = Path("bundles/photos-64")
APP = ("app", "serve", "--bundle", str(BUNDLE), "--port", "0")
"""The real service."""
STUB = ("bench.stub_server",)
"""The same with encoders that cost nothing."""


@dataclass(frozen=True, slots=True)
class Served:
    """A service that answers.

    Attributes:
        url: Where.
        pid: Its process.
        start_s: Seconds from its start to its word that it is ready.
    """

    url: str
    pid: int
    start_s: float

    def resident_mib(self) -> float:
        """Returns how much memory the process holds, files mapped among it."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024

    def cpu_s(self) -> float:
        """Returns the processor time that it has used so far, seconds, all threads, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def served(module: tuple[str, ...], data_dir: Path, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Runs a service until the block ends; then it is stopped gently and has its time for a last snapshot.

    Args:
        module: What ``python -m`` runs, with its arguments.
        data_dir: Its data folder; its log is written beside it.
        settings: Further ``BITLENS_…`` variables; those of this process have no part in it.

    Yields:
        The service, ready.

    Raises:
        RuntimeError: If it does not become ready.
    """
    own = {"BITLENS_BUNDLE": str(BUNDLE), "BITLENS_LOG_LEVEL": "warning"} | dict(settings or {})
    with running((*module, "--data-dir", str(data_dir)), data_dir.with_suffix(".log"), own) as service:
        yield service


@contextmanager
def running(module: Sequence[str], log: Path, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Runs a server until the block ends; then it is stopped gently.

    Args:
        module: What ``python -m`` runs, with its arguments; it must say ``… is ready at URL`` on standard output.
        log: Takes what it says on standard error.
        settings: Further variables of its environment; ``BITLENS_…`` of this process have no part in it.

    Yields:
        The server, ready.

    Raises:
        RuntimeError: If it does not become ready.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BITLENS_", "REDIS_URL"))}
    own = environment(1, kept) | dict(settings or {})
    started = perf_counter()
    with log.open("ab") as errors:
        process = subprocess.Popen([sys.executable, "-m", *module], stdout=subprocess.PIPE, stderr=errors, text=True, env=own)
    try:
        said = process.stdout.readline() if process.stdout else ""
        taken = perf_counter() - started
        if _READY not in said:
            raise RuntimeError(f"the server did not start: {said}{log.read_text(encoding='utf-8')[-2000:]}")
        yield Served(said.rpartition(_READY)[2].strip(), process.pid, taken)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
