"""Server processes that tests start, talk to, and end gently or not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

REPOSITORY = Path(__file__).resolve().parents[2]
_READY = "Bitlens is ready at "
# What the machine running the tests may have set for itself has no part in them.
_OWN = ("BITLENS_", "REDIS_URL", "HOST", "PORT")


def command(module: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OWN)} | {"OMP_NUM_THREADS": "1"} | more


class ServerProcess:
    """A server process, waited for until it is ready; killed at the latest when the block ends."""

    def __init__(self, arguments: Sequence[str], log: Path, settings: Mapping[str, str] | None = None) -> None:
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                arguments, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=REPOSITORY, env=environment(**settings or {})
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said.startswith(_READY):
            self.kill()
            raise RuntimeError(f"the server did not start: {said}{log.read_text()}")
        self.url = said.removeprefix(_READY).strip()

    def kill(self) -> None:
        """As a crash or the kernel would."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        """Asks it to stop and returns its exit status."""
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.kill()
