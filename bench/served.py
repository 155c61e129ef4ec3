"""A service process that is measured from outside.

Decides how it is started, waited for and stopped. Does not know what is asked of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench.machine import environment

_READY = "Bitlens is ready at "
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
        RuntimeError: If it does not become ready or cannot be stopped.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BITLENS_", "REDIS_URL"))}
    own = environment(1, kept) | {"BITLENS_BUNDLE": str(BUNDLE), "BITLENS_LOG_LEVEL": "warning"} | dict(settings or {})
    log = data_dir.with_suffix(".log")
    started = perf_counter()
    with log.open("ab") as errors:
        command = [sys.executable, "-m", *module, "--data-dir", str(data_dir)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=own)
    try:
        said = process.stdout.readline() if process.stdout else ""
        taken = perf_counter() - started
        if not said.startswith(_READY):
            raise RuntimeError(f"the service did not start: {said}{log.read_text(encoding='utf-8')[-2000:]}")
        yield Served(said.removeprefix(_READY).strip(), process.pid, taken)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
